//! The typed calls, `catalog` in the WIT.

use alloc::vec::Vec;

use crate::checked::{Catalog, CheckedDocument};
use crate::error::Error;
use crate::limits::Limits;
use crate::module::Module;
use crate::roles::may_view_modules;
use crate::step::Step;

/// Begins listing every module, in the store's order, for a caller with these management roles.
///
/// # Errors
///
/// [`Error::Forbidden`] at once. After the answer [`Error::Store`], or [`Error::Malformed`] if any
/// document is malformed or two share a uid: a list is complete or it is an error.
pub fn list_modules<R: AsRef<str>>(
    roles: &[R],
    limits: &Limits,
) -> Step<Result<Vec<Module>, Error>> {
    if !may_view_modules(roles) {
        return Step::Done(Err(Error::Forbidden));
    }
    Step::documents(limits, |catalog| catalog.and_then(Catalog::modules))
}

/// Begins getting the module with this uid, for a caller with these management roles.
///
/// # Errors
///
/// At once [`Error::Forbidden`], [`Error::UidTooLong`], or [`Error::NotFound`] for the empty uid, which
/// no module has. After the answer [`Error::NotFound`], [`Error::Store`], or [`Error::Malformed`] if
/// the document is malformed or has another uid.
pub fn get_module<R: AsRef<str>>(
    roles: &[R],
    uid: &str,
    limits: &Limits,
) -> Step<Result<Module, Error>> {
    if !may_view_modules(roles) {
        return Step::Done(Err(Error::Forbidden));
    }
    Step::document(uid, limits, |document| Ok(document.map(CheckedDocument::into_module)??))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use super::*;
    use crate::error::StoreError;
    use crate::step::Ask;

    const ADMIN: &[&str] = &["admin"];
    const NO_ROLE: &[&str] = &["none"];

    fn limits() -> Limits {
        Limits { documents: 2, uid_bytes: 2, ..Limits::default() }
    }

    fn list(documents: Result<Vec<&str>, StoreError>) -> Result<Vec<Module>, Error> {
        match list_modules(ADMIN, &limits()) {
            Step::Ask(Ask::Documents(ask)) => ask.answer(documents),
            step => panic!("{step:?}"),
        }
    }

    fn get(uid: &str, document: Result<Option<&str>, StoreError>) -> Result<Module, Error> {
        match get_module(ADMIN, uid, &limits()) {
            Step::Ask(Ask::Document(ask)) => {
                assert_eq!(ask.uid(), uid);
                ask.answer(document)
            }
            step => panic!("{step:?}"),
        }
    }

    #[test]
    fn forbidden_and_impossible_uids_are_answered_without_the_store() {
        let listed = list_modules(NO_ROLE, &limits());
        assert!(matches!(listed, Step::Done(Err(Error::Forbidden))), "{listed:?}");
        for (roles, uid, expected) in [
            (NO_ROLE, "a", Error::Forbidden),
            (NO_ROLE, "", Error::Forbidden),
            (ADMIN, "", Error::NotFound),
            (ADMIN, "abc", Error::UidTooLong { bytes: 3, limit: 2 }),
        ] {
            match get_module(roles, uid, &limits()) {
                Step::Done(outcome) => assert_eq!(outcome, Err(expected), "{uid}"),
                step => panic!("{step:?}"),
            }
        }
    }

    #[test]
    fn a_list_is_complete_or_an_error() {
        let uids = |modules: Vec<Module>| modules.into_iter().map(|it| it.uid).collect::<Vec<_>>();
        let documents = vec![r#"{"uid":"b"}"#, r#"{"uid":"a"}"#];
        assert_eq!(list(Ok(documents)).map(uids), Ok(vec!["b".into(), "a".into()]));
        assert_eq!(list(Ok(vec![])), Ok(vec![]));
        for (documents, expected) in [
            (vec![r#"{"uid":"a"}"#, "{}"], "document at index 1: field uid: missing"),
            (
                vec![r#"{"uid":"a"}"#, r#"{"uid":"b","version":true}"#],
                "document \"b\": field version: ",
            ),
            (
                vec![r#"{"uid":"a"}"#, r#"{"uid":"\u0061"}"#],
                "document \"a\": field uid: shared by two documents, the later at index 1",
            ),
            (vec!["{}"; 3], "the list of documents: 3 documents, more than the limit of 2"),
        ] {
            let error = format!("{}", list(Ok(documents)).unwrap_err());
            assert!(error.starts_with(expected), "{error}");
        }
        let down = StoreError::Unavailable("down".into());
        assert_eq!(list(Err(down.clone())), Err(Error::Store(down)));
    }

    #[test]
    fn get_module_checks_the_uid_and_the_document() {
        assert_eq!(get("ab", Ok(Some(r#"{"uid":"ab"}"#))).map(|it| it.uid), Ok("ab".into()));
        assert_eq!(get("ab", Ok(None)), Err(Error::NotFound));
        let denied = StoreError::Denied("no".into());
        assert_eq!(get("ab", Err(denied.clone())), Err(Error::Store(denied)));
        for (document, expected) in [
            (
                r#"{"uid":"a"}"#,
                "document \"ab\": field uid: the uid of another document than was asked for",
            ),
            (r#"{"uid":"abc"}"#, "document \"ab\": field uid: 3 bytes, more than the limit of 2"),
            ("{", "document \"ab\": line 1, column 1: unexpected end"),
        ] {
            assert_eq!(format!("{}", get("ab", Ok(Some(document))).unwrap_err()), expected);
        }
    }
}
