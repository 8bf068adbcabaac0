//! The options for instances of the component.

use std::time::Duration;

use ccs_modules_host::CallLimits;
use ccs_modules_host::server::{Holding, Instances};
use clap::{Args, ValueEnum};

use crate::cli::duration::{Age, LongAge};
use crate::cli::{Failure, StoreAddress, service};

/// The options for instances of the component, and the ages of what they hold.
#[derive(Args)]
pub struct InstanceArgs {
    /// The instance of the component that answers a request: one that holds the catalog, checked
    /// once; one that is reused and asks the store for each request; or a fresh one that does.
    #[arg(long, value_enum, default_value_t)]
    instances: Kind,
    /// The age up to which a catalog that is held is served without asking the store whether it has
    /// changed, such as 500ms or 1m. With 0s each request asks.
    #[arg(long, value_name = "DURATION", default_value_t = Age::of(Duration::from_secs(1)))]
    max_age: Age,
    /// The age up to which the last good catalog is served while the store fails, such as 24h. With
    /// 0s the response is 503 at once.
    #[arg(long, value_name = "DURATION", default_value_t = LongAge::of(Duration::from_secs(24 * 60 * 60)))]
    stale_if_error: LongAge,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    #[default]
    Held,
    Reused,
    Fresh,
}

impl InstanceArgs {
    /// Loads what the instances need to answer from this store.
    pub async fn load(
        &self,
        store: &StoreAddress,
        limits: CallLimits,
    ) -> Result<Instances, Failure> {
        Ok(match self.instances {
            Kind::Fresh => Instances::Fresh,
            // To list a whole Redis for each request would cost more than to ask for one document.
            Kind::Held if self.max_age.0.is_zero() && matches!(store, StoreAddress::Redis(_)) => {
                Instances::Reused
            }
            Kind::Held => Instances::Held(Holding {
                standalone: service::load_standalone(limits).await?,
                max_age: self.max_age.0,
                stale_if_error: self.stale_if_error.0,
            }),
            Kind::Reused => Instances::Reused,
        })
    }
}
