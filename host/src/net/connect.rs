//! TCP connections to a name that may have several addresses.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Connects to the first address of `host` that accepts. One that does not answer delays the others
/// by [`ATTEMPT_DELAY`] only (RFC 8305, section 5).
pub(crate) async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses = lookup_host((host, port)).await?.collect();
    first(interleave(addresses), TcpStream::connect).await
}

/// The time between the starts of two attempts, if the first one neither succeeds nor fails. RFC 8305
/// recommends it.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The addresses in their order, IPv6 and IPv4 in turns: one family may lead nowhere as a whole
/// (RFC 8305, section 4).
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let preferred_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == preferred_v6);
    let mut other = other.into_iter();
    let mut addresses: Vec<_> =
        preferred.into_iter().flat_map(|address| [Some(address), other.next()]).flatten().collect();
    addresses.extend(other);
    addresses
}

/// The result of the first attempt that succeeds, or the first failure.
async fn first<C, F, T>(addresses: Vec<SocketAddr>, connect: C) -> io::Result<T>
where
    C: Fn(SocketAddr) -> F,
    F: Future<Output = io::Result<T>> + Send + 'static,
    T: Send + 'static,
{
    let mut addresses = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut failure = None;

    loop {
        if let Some(address) = addresses.next() {
            attempts.spawn(connect(address));
        }
        let ended = tokio::select! {
            ended = attempts.join_next() => ended,
            () = sleep(ATTEMPT_DELAY), if addresses.len() > 0 => continue,
        };

        // A failure starts the next attempt at once.
        let error = match ended {
            None => return Err(failure.unwrap_or_else(no_address)),
            Some(Ok(Ok(connected))) => return Ok(connected),
            Some(Ok(Err(error))) => error,
            Some(Err(error)) => error.into(),
        };
        failure.get_or_insert(error);
    }
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name has no address")
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::io::ErrorKind;

    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn an_address_that_swallows_packets_does_not_block_the_others() {
        for silent in [1, 2, 3] {
            let connected = connect_where(4, move |index| async move {
                if index < silent { pending().await } else { Ok(()) }
            });
            assert_eq!(connected.await.unwrap(), silent);
        }
    }

    #[tokio::test]
    async fn a_failure_starts_the_next_attempt_at_once() {
        // With a delay before each of them this would take a quarter of an hour.
        let connected = connect_where(4000, |index| async move {
            if index < 3999 { Err(ErrorKind::ConnectionRefused.into()) } else { Ok(()) }
        });
        assert_eq!(connected.await.unwrap(), 3999);
    }

    #[tokio::test]
    async fn an_early_address_may_succeed_late() {
        let connected = connect_where(2, |index| async move {
            match index {
                0 => {
                    sleep(2 * ATTEMPT_DELAY).await;
                    Ok(())
                }
                _ => Err(ErrorKind::ConnectionRefused.into()),
            }
        });
        assert_eq!(connected.await.unwrap(), 0);
    }

    #[tokio::test]
    async fn without_success_the_first_failure_counts() {
        let failed = connect_where(2, |index| async move {
            Err(if index == 0 { ErrorKind::ConnectionRefused } else { ErrorKind::TimedOut }.into())
        });
        assert_eq!(failed.await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let nothing = connect_where(0, |_| async { Ok(()) });
        assert_eq!(nothing.await.unwrap_err().to_string(), "the name has no address");
    }

    #[test]
    fn families_take_turns() {
        let addresses = |text: &str| -> Vec<SocketAddr> {
            text.split(' ').map(|address| format!("{address}:1").parse().unwrap()).collect()
        };
        for (given, tried) in [
            ("1.1.1.1 2.2.2.2", "1.1.1.1 2.2.2.2"),
            ("[::1] [::2] [::3] 1.1.1.1", "[::1] 1.1.1.1 [::2] [::3]"),
            ("1.1.1.1 [::1] [::2] [::3]", "1.1.1.1 [::1] [::2] [::3]"),
        ] {
            assert_eq!(interleave(addresses(given)), addresses(tried));
        }
    }

    #[tokio::test]
    async fn a_name_is_resolved() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stream = connect("localhost", address.port()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
    }

    /// Tries so many addresses, and returns the index of the one that was connected to.
    async fn connect_where<F>(
        count: u16,
        attempt: impl Fn(u16) -> F + Copy + Send + 'static,
    ) -> io::Result<u16>
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let addresses = (0..count).map(|port| ([127, 0, 0, 1], port).into()).collect();
        let connect = |address: SocketAddr| async move {
            attempt(address.port()).await.map(|()| address.port())
        };
        timeout(Duration::from_secs(30), first(addresses, connect)).await.expect("a result")
    }
}
