//! The server: its promises beyond the case list, which it runs like every other shell.

mod calls;
mod causes;
mod client_certificates;
mod files;
mod http2;
mod limits;
mod metrics;
mod mirror;
mod page;
mod protocols;
mod refused;
mod shutdown;
mod signals;
mod slow_clients;
mod spoofing;
mod tls;
mod traces;
