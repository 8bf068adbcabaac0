//! Conversions between the core's types and those of a world. Each world has types of its own, which are the
//! same but for their names.

/// Implements the conversion into a record `module`.
///
/// ```ignore
/// ccs_modules_guest::from_module!(catalog::Module);
/// ```
#[macro_export]
macro_rules! from_module {
    ($record:ty) => {
        impl From<ccs_modules::Module> for $record {
            fn from(module: ccs_modules::Module) -> Self {
                Self {
                    uid: module.uid,
                    module_name: module.module_name,
                    display_name: module.display_name,
                    semantic_version: module.semantic_version,
                    version: module.version,
                    author: module.author,
                    email: module.email,
                    homepage: module.homepage,
                    description: module.description,
                    license: module.license,
                    capabilities: module.capabilities,
                    command_line_args: module.command_line_args,
                    config_command: module.config_command,
                    min_redis_version: module.min_redis_version,
                    is_bundled: module.is_bundled,
                    document: module.document,
                }
            }
        }
    };
}

/// Implements the conversions into the records `fitting`, `chosen-module`, `other-module` and
/// `fitting-rule`, which are in this module.
///
/// ```ignore
/// ccs_modules_guest::from_fitting!(lookup);
/// ```
#[macro_export]
macro_rules! from_fitting {
    ($records:ident) => {
        impl From<ccs_modules::lookup::Fitting> for $records::Fitting {
            fn from(fitting: ccs_modules::lookup::Fitting) -> Self {
                Self {
                    module_name: fitting.module_name,
                    chosen: fitting.chosen.map(Into::into),
                    others: fitting.others.into_iter().map(Into::into).collect(),
                }
            }
        }

        impl From<ccs_modules::lookup::ChosenModule> for $records::ChosenModule {
            fn from(chosen: ccs_modules::lookup::ChosenModule) -> Self {
                let ccs_modules::lookup::ChosenModule { module, rule, reason } = chosen;
                Self { module: module.into(), rule: rule.into(), reason }
            }
        }

        impl From<ccs_modules::lookup::OtherModule> for $records::OtherModule {
            fn from(other: ccs_modules::lookup::OtherModule) -> Self {
                let ccs_modules::lookup::OtherModule { uid, semantic_version, reason } = other;
                Self { uid, semantic_version, reason }
            }
        }

        impl From<ccs_modules::lookup::FittingRule> for $records::FittingRule {
            fn from(rule: ccs_modules::lookup::FittingRule) -> Self {
                use ccs_modules::lookup::FittingRule;
                match rule {
                    FittingRule::CompatibleRedisVersion => Self::CompatibleRedisVersion,
                    FittingRule::MinRedisVersion => Self::MinRedisVersion,
                }
            }
        }
    };
}

/// Implements the conversion of a variant `caller` into the core's.
///
/// ```ignore
/// ccs_modules_guest::into_caller!(crate::bindings::exports::ccs::modules::rest::Caller);
/// ```
#[macro_export]
macro_rules! into_caller {
    ($caller:path) => {
        impl From<$caller> for ccs_modules::access::Caller {
            fn from(caller: $caller) -> Self {
                use $caller as Given;

                match caller {
                    Given::Anonymous(roles) => Self::Anonymous(roles),
                    Given::Authenticated(roles) => Self::Authenticated(roles),
                    Given::Unauthenticated => Self::Unauthenticated(None),
                }
            }
        }
    };
}

/// Defines the function `name`, which returns the name of a variant `method` of WASI.
///
/// ```ignore
/// ccs_modules_guest::method_name!(crate::bindings::wasi::http::types::Method);
/// ```
#[macro_export]
macro_rules! method_name {
    ($method:path) => {
        fn name(method: $method) -> ::alloc::string::String {
            use $method as Given;

            match method {
                Given::Connect => "CONNECT",
                Given::Delete => "DELETE",
                Given::Get => "GET",
                Given::Head => "HEAD",
                Given::Options => "OPTIONS",
                Given::Patch => "PATCH",
                Given::Post => "POST",
                Given::Put => "PUT",
                Given::Trace => "TRACE",
                Given::Other(name) => return name,
            }
            .into()
        }
    };
}
