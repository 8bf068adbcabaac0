//! The order of arguments: options may stand in front of the command, too.

use std::ffi::OsString;

use clap::Command;

/// Moves the name of the command in front of the options: clap knows the options of a command only
/// after its name.
pub fn with_command_first(mut arguments: Vec<OsString>, definition: &Command) -> Vec<OsString> {
    let mut at = 1;
    while let Some(argument) = arguments.get(at).and_then(|argument| argument.to_str()) {
        if definition.find_subcommand(argument).is_some() {
            let name = arguments.remove(at);
            arguments.insert(1, name);
            break;
        }
        if !argument.starts_with('-') || argument == "--" {
            break;
        }
        at += if takes_next(argument, definition) { 2 } else { 1 };
    }
    arguments
}

/// Whether the argument is an option whose value is the next argument.
fn takes_next(argument: &str, definition: &Command) -> bool {
    let commands = [definition].into_iter().chain(definition.get_subcommands());
    commands.flat_map(Command::get_arguments).any(|option| {
        let long = option.get_long().is_some_and(|name| argument.strip_prefix("--") == Some(name));
        let short = option.get_short().is_some_and(|name| argument == format!("-{name}"));
        (long || short) && option.get_action().takes_values()
    })
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn the_command_comes_first() {
        let definition = Command::new("program")
            .arg(Arg::new("store").long("store"))
            .subcommand(Command::new("list"))
            .subcommand(
                Command::new("get")
                    .arg(Arg::new("uid"))
                    .arg(Arg::new("output").short('o').long("output")),
            );
        for (given, ordered) in [
            ("program", "program"),
            ("program list --store list", "program list --store list"),
            ("program --store list", "program --store list"),
            ("program --store list list", "program list --store list"),
            ("program --store=list get uid", "program get --store=list uid"),
            ("program -o list --store x get list", "program get -o list --store x list"),
            ("program --unknown get list", "program get --unknown list"),
            ("program uid get", "program uid get"),
            ("program -- get", "program -- get"),
        ] {
            let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
            assert_eq!(with_command_first(words(given), &definition), words(ordered));
        }
    }
}
