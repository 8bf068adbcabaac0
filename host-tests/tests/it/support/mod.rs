//! Helpers of several tests: the format of the cases, servers, stores, and guests that misbehave.

pub mod case;
pub mod collector;
pub mod gate;
pub mod guest;
pub mod outcome;
#[path = "../../port.rs"]
pub mod port;
pub mod process;
pub mod request;
pub mod serving;
pub mod text;
pub mod wire;
