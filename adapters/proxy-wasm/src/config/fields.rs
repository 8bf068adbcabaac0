//! The fields of a JSON object: each is taken once, by name and kind, and none may be left over.

use std::fmt;
use std::num::NonZeroU32;

use hifijson::str::LexAlloc as _;
use hifijson::token::Lex;
use hifijson::{Error, Expect, SliceLexer, ignore};

use crate::config::ConfigError;

/// What is left of an object.
#[derive(Default)]
pub struct Fields<'a> {
    /// The path of the object, with a dot at its end; empty for the outermost.
    path: String,
    members: Vec<(String, &'a [u8])>,
}

impl<'a> Fields<'a> {
    /// The fields of the outermost object.
    pub fn parse(text: &'a [u8]) -> Result<Self, ConfigError> {
        match whole(text, members) {
            Ok(members) => Self { path: String::new(), members }.without_twins(),
            Err(error) => Err(ConfigError::new("configuration", error)),
        }
    }

    pub fn object(&mut self, name: &str) -> Result<Option<Self>, ConfigError> {
        let Some(members) = self.read(name, "an object", |text| whole(text, members))? else {
            return Ok(None);
        };
        Self { path: format!("{}{name}.", self.path), members }.without_twins().map(Some)
    }

    pub fn string(&mut self, name: &str) -> Result<Option<String>, ConfigError> {
        self.read(name, "a string", |text| whole(text, string))
    }

    /// A number from 1 up.
    pub fn number(&mut self, name: &str) -> Result<Option<usize>, ConfigError> {
        let number = |text| str::from_utf8(text).ok()?.parse::<NonZeroU32>().ok();
        self.read(name, "an integer from 1 up", |text| number(text).ok_or(()))
            .map(|found| found.map(|number| number.get() as usize))
    }

    /// The text of a value of any kind.
    pub fn raw(&mut self, name: &str) -> Option<&'a [u8]> {
        let at = self.members.iter().position(|(found, _)| found == name)?;
        Some(self.members.remove(at).1)
    }

    /// All fields, each a string.
    pub fn strings(mut self) -> Result<Vec<(String, String)>, ConfigError> {
        let names: Vec<_> = self.members.iter().map(|(name, _)| name.clone()).collect();
        let string = |name: String| Ok((name.clone(), self.required(&name, Self::string)?));
        names.into_iter().map(string).collect()
    }

    pub fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self, &str) -> Result<Option<T>, ConfigError>,
    ) -> Result<T, ConfigError> {
        read(self, name)?.ok_or_else(|| self.refuse(name, "missing"))
    }

    /// Nothing may be left: what is not known is a mistake.
    pub fn end(self) -> Result<(), ConfigError> {
        match self.members.first() {
            Some((name, _)) => Err(self.refuse(name, "no such field")),
            None => Ok(()),
        }
    }

    pub fn refuse(&self, name: &str, reason: impl fmt::Display) -> ConfigError {
        ConfigError::new(format!("{}{name}", self.path), reason)
    }

    fn without_twins(self) -> Result<Self, ConfigError> {
        let mut rest = self.members.iter();
        while let Some((name, _)) = rest.next() {
            if rest.clone().any(|(other, _)| other == name) {
                return Err(self.refuse(name, "there twice"));
            }
        }
        Ok(self)
    }

    fn read<T, E>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&'a [u8]) -> Result<T, E>,
    ) -> Result<Option<T>, ConfigError> {
        let value = self.raw(name).map(read).transpose();
        // The reason is not shown, which may quote the value.
        value.map_err(|_| self.refuse(name, format_args!("expected {expected}")))
    }
}

/// A value that is all of the text.
fn whole<'a, T>(
    text: &'a [u8],
    read: impl FnOnce(u8, &mut SliceLexer<'a>) -> Result<T, Error>,
) -> Result<T, Error> {
    SliceLexer::new(text).exactly_one(Lex::ws_peek, read)
}

/// The members of an object, in order, values as text.
fn members<'a>(next: u8, lexer: &mut SliceLexer<'a>) -> Result<Vec<(String, &'a [u8])>, Error> {
    let mut members = Vec::new();
    lexer.expect(|_| Some(next), b'{').ok_or(Expect::Value)?;
    lexer.seq(b'}', Lex::ws_peek, |next, lexer| {
        let name = string(next, lexer)?;
        lexer.expect(Lex::ws_peek, b':').ok_or(Expect::Colon)?;
        let next = lexer.ws_peek().ok_or(Expect::Value)?;
        let rest = lexer.as_slice();
        ignore::parse(next, lexer)?;
        let (value, _) = rest.split_at(rest.len() - lexer.as_slice().len());
        members.push((name, value));
        Ok::<_, Error>(())
    })?;
    Ok(members)
}

fn string(next: u8, lexer: &mut SliceLexer<'_>) -> Result<String, Error> {
    lexer.expect(|_| Some(next), b'"').ok_or(Expect::String)?;
    Ok(lexer.str_string()?.into_owned())
}
