//! A stream that limits the length of a Redis reply.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Limits how many bytes one Redis reply may take.
pub(super) struct ReplyLimit {
    limit: usize,
    reading: Mutex<Reading>,
}

struct Reading {
    pending: usize,
    left: usize,
    exceeded: bool,
}

impl ReplyLimit {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        let reading = Mutex::new(Reading { pending: 0, left: limit, exceeded: false });
        Arc::new(Self { limit, reading })
    }

    /// Starts to count a reply. The reply is pending as long as the result lives.
    pub(super) fn start(self: &Arc<Self>) -> PendingReply {
        let mut reading = self.reading();
        // A reply behind others is counted from the end of the one before.
        if reading.pending == 0 {
            reading.left = self.limit;
        }
        reading.pending += 1;
        PendingReply(self.clone())
    }

    /// The limit, if a reply exceeded it.
    pub(super) fn exceeded(&self) -> Option<usize> {
        self.reading().exceeded.then_some(self.limit)
    }

    fn count(&self, bytes: usize) -> io::Result<()> {
        let mut reading = self.reading();
        match reading.left.checked_sub(bytes) {
            Some(left) => {
                reading.left = left;
                Ok(())
            }
            None => {
                reading.exceeded = true;
                Err(io::Error::other("the reply exceeds the limit"))
            }
        }
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reply that is pending.
pub(super) struct PendingReply(Arc<ReplyLimit>);

impl Drop for PendingReply {
    fn drop(&mut self) {
        let mut reading = self.0.reading();
        reading.pending = reading.pending.saturating_sub(1);
        reading.left = self.0.limit;
    }
}

/// A stream whose replies are limited.
pub(super) struct LimitedStream<S> {
    pub(super) stream: S,
    pub(super) reply_limit: Arc<ReplyLimit>,
}

impl<S: AsyncRead + Unpin> AsyncRead for LimitedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                Poll::Ready(self.reply_limit.count(buffer.filled().len() - before))
            }
            other => other,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for LimitedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
