//! A catalog of one moment, checked whole.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{Error, Malformed, Subject};
use crate::image::{Builder, Trailer, View};
use crate::json::Position;
use crate::limits::Limits;
use crate::list;
use crate::lookup::{self, Differences, Fitting, RedisVersion};
use crate::module::{Document, Module, find_uid};
use crate::rest::{self, Request, Response};
use crate::snapshot::error::{ImageError, SnapshotError};
use crate::snapshot::{check, split};
use crate::step::{Ask, AskDocument, AskDocuments, Step};
use crate::{get_module, list_modules};

/// A catalog of one moment: checked once, asked many times.
///
/// It answers every call with the same bytes as [`list_modules`](crate::list_modules),
/// [`get_module`](crate::get_module) and [`rest::handle`] over the same documents, and checks nothing
/// again.
///
/// ```
/// use ccs_modules::access::Caller;
/// use ccs_modules::rest::Request;
/// use ccs_modules::{Limits, Snapshot};
///
/// let limits = Limits::default();
/// let snapshot = Snapshot::parse(br#"[{"uid": "a"}, {"uid": "b"}]"#, &limits)?;
///
/// let modules = snapshot.list_modules(&["db_viewer"], &limits).unwrap();
/// assert_eq!(modules.len(), 2);
///
/// let caller = Caller::Authenticated(vec!["db_viewer".to_string()]);
/// let request =
///     Request { method: "GET", target: "/v1/modules", headers: &[], caller: &caller };
/// let response = snapshot.handle(&request, &limits);
/// assert_eq!(*response.body, *b"[{\"uid\":\"a\"},{\"uid\":\"b\"}]\n");
/// # Ok::<(), ccs_modules::SnapshotError>(())
/// ```
///
/// # The image
///
/// A snapshot is one buffer, its **image**. A program that has the image needs no check: it can lie in
/// a file, in shared memory, or in a program's own data, and is answered from without a copy.
///
/// ```
/// # use ccs_modules::{Limits, Snapshot};
/// # let limits = Limits::default();
/// let image: Vec<u8> = Snapshot::parse(br#"[{"uid":"a"}]"#, &limits)?.into_image();
/// let image: &'static [u8] = image.leak(); // in a program's own data, for example
///
/// let snapshot = Snapshot::from_image(image).unwrap();
/// assert_eq!(snapshot.get_module(&["admin"], "a", &limits).unwrap().uid, "a");
/// # Ok::<(), ccs_modules::SnapshotError>(())
/// ```
///
/// An image holds up to 4 GiB. Its layout belongs to one version of this library.
#[derive(Clone, Eq, PartialEq)]
pub struct Snapshot<B = Vec<u8>> {
    image: B,
    trailer: Trailer,
}

impl Snapshot {
    /// Checks a catalog that is given as the body of `GET /v1/modules`.
    ///
    /// # Errors
    ///
    /// If the body is not a JSON array of sound module documents, two documents share a uid, or a
    /// limit is exceeded.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Self, SnapshotError> {
        let documents = split(body).map_err(|error| SnapshotError {
            position: Some(error.position),
            malformed: Malformed { subject: Subject::List, field: None, reason: error.reason },
        })?;
        Self::check(&documents, limits)
            .map_err(|malformed| locate(malformed, body, &documents, limits))
    }

    /// Checks a catalog that is given as its documents, in the order of the list.
    ///
    /// # Errors
    ///
    /// If a document is malformed, two documents share a uid, or a limit is exceeded.
    pub fn from_documents<D: AsRef<[u8]>>(
        documents: &[D],
        limits: &Limits,
    ) -> Result<Self, SnapshotError> {
        Self::check(documents, limits)
            .map_err(|malformed| SnapshotError { malformed, position: None })
    }

    fn check<D: AsRef<[u8]>>(documents: &[D], limits: &Limits) -> Result<Self, Malformed> {
        let mut builder = Builder::default();
        list::check(documents, limits, &mut builder)?;
        let (image, trailer) = builder.finish()?;
        Ok(Self { image, trailer })
    }
}

impl<B: AsRef<[u8]>> Snapshot<B> {
    /// Takes the image of a snapshot as it is, in constant time.
    ///
    /// The documents in it are not checked again. Whatever else the bytes are, no call panics; an
    /// image that was damaged answers with errors, or with what the damage made of it.
    ///
    /// # Errors
    ///
    /// If the bytes are not an image that this version of the library made.
    pub fn from_image(image: B) -> Result<Self, ImageError> {
        let trailer = Trailer::read(image.as_ref())?;
        Ok(Self { image, trailer })
    }

    /// The image.
    pub fn image(&self) -> &[u8] {
        self.image.as_ref()
    }

    /// The image, taken out.
    pub fn into_image(self) -> B {
        self.image
    }

    /// Lists every module, in the store's order, for a caller with these management roles.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`]; [`Error::Malformed`] where these limits are lower than those of the
    /// check.
    pub fn list_modules<R: AsRef<str>>(
        &self,
        roles: &[R],
        limits: &Limits,
    ) -> Result<Vec<Module>, Error> {
        list_modules(roles, limits).answer_from(self)
    }

    /// Gets the module with this uid, for a caller with these management roles.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::UidTooLong`]; [`Error::Malformed`] where
    /// these limits are lower than those of the check.
    pub fn get_module<R: AsRef<str>>(
        &self,
        roles: &[R],
        uid: &str,
        limits: &Limits,
    ) -> Result<Module, Error> {
        get_module(roles, uid, limits).answer_from(self)
    }

    /// Finds the modules of a name, newest first: see [`lookup::find_modules`].
    ///
    /// # Errors
    ///
    /// Those of [`list_modules`](Self::list_modules).
    pub fn find_modules<R: AsRef<str>>(
        &self,
        roles: &[R],
        name: &str,
        version: Option<&str>,
        limits: &Limits,
    ) -> Result<Vec<Module>, Error> {
        lookup::find_modules(roles, name, version, limits).answer_from(self)
    }

    /// Lists the newest module of each name: see [`lookup::latest_modules`].
    ///
    /// # Errors
    ///
    /// Those of [`list_modules`](Self::list_modules).
    pub fn latest_modules<R: AsRef<str>>(
        &self,
        roles: &[R],
        limits: &Limits,
    ) -> Result<Vec<Module>, Error> {
        lookup::latest_modules(roles, limits).answer_from(self)
    }

    /// Chooses, for each name, the module that a database of this Redis version gets: see
    /// [`lookup::fitting_modules`].
    ///
    /// # Errors
    ///
    /// Those of [`list_modules`](Self::list_modules).
    pub fn fitting_modules<R: AsRef<str>>(
        &self,
        roles: &[R],
        redis_version: RedisVersion,
        limits: &Limits,
    ) -> Result<Vec<Fitting>, Error> {
        lookup::fitting_modules(roles, redis_version, limits).answer_from(self)
    }

    /// Compares this catalog, the older one, with a newer one.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] where these limits are lower than those of the check.
    pub fn differences<C: AsRef<[u8]>>(
        &self,
        newer: &Snapshot<C>,
        limits: &Limits,
    ) -> Result<Differences, Error> {
        lookup::differences(self.view(), newer.view(), limits)
    }

    /// Answers a request. Every failure is a response too.
    ///
    /// The body of the list is borrowed; [`Response::into_owned`] copies it.
    pub fn handle(&self, request: &Request<'_>, limits: &Limits) -> Response<Cow<'_, [u8]>> {
        rest::handle_from(request, self.view(), limits, [])
    }

    /// Answers a request as [`handle`](Self::handle) does, with these header fields where the answer
    /// comes from the snapshot.
    pub(crate) fn handle_with(
        &self,
        request: &Request<'_>,
        limits: &Limits,
        headers: impl IntoIterator<Item = (String, String)>,
    ) -> Response<Cow<'_, [u8]>> {
        rest::handle_from(request, self.view(), limits, headers)
    }

    /// The body of the list: the documents in canonical form, in one array and one line end.
    pub fn body(&self) -> &[u8] {
        self.view().body()
    }

    /// The entity tag of the list.
    pub fn entity_tag(&self) -> String {
        self.view().entity_tag()
    }

    /// The documents in canonical form, in the order of the list.
    pub fn documents(&self) -> impl Iterator<Item = &[u8]> {
        let texts = self.view().entries().map(|entry| entry.and_then(|entry| entry.text_bytes()));
        texts.map(Result::unwrap_or_default)
    }

    /// The document with this uid, in canonical form; none if there is none.
    pub fn document(&self, uid: &str) -> Option<&[u8]> {
        self.view().find(uid).ok()??.text_bytes().ok()
    }

    /// The number of documents.
    pub fn len(&self) -> usize {
        self.trailer.documents()
    }

    /// Whether there are no documents.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn view(&self) -> View<'_> {
        View { image: self.image.as_ref(), trailer: self.trailer }
    }
}

impl<'a> Snapshot<&'a [u8]> {
    /// Answers a request as [`handle`](Self::handle) does, with a body that is borrowed from the image
    /// and outlives this snapshot.
    pub fn handle_from_image(
        &self,
        request: &Request<'_>,
        limits: &Limits,
    ) -> Response<Cow<'a, [u8]>> {
        let view = View { image: self.image, trailer: self.trailer };
        rest::handle_from(request, view, limits, [])
    }
}

impl<B: AsRef<[u8]>> fmt::Debug for Snapshot<B> {
    /// Shows the size only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("documents", &self.len())
            .field("bytes", &self.image().len())
            .finish_non_exhaustive()
    }
}

impl<T> Step<T> {
    /// Returns the outcome, with a snapshot as the store.
    ///
    /// ```
    /// use ccs_modules::{Limits, Snapshot, get_module};
    ///
    /// let limits = Limits::default();
    /// let snapshot = Snapshot::parse(br#"[{"uid":"a"}]"#, &limits)?;
    /// let module = get_module(&["admin"], "a", &limits).answer_from(&snapshot);
    /// assert_eq!(module.map(|module| module.uid), Ok("a".into()));
    /// # Ok::<(), ccs_modules::SnapshotError>(())
    /// ```
    pub fn answer_from<B: AsRef<[u8]>>(self, snapshot: &Snapshot<B>) -> T {
        match self {
            Step::Done(outcome) => outcome,
            Step::Ask(ask) => ask.answer_from(snapshot),
        }
    }
}

impl<T> Ask<T> {
    /// Returns the outcome, with a snapshot as the store. Its documents are not checked again.
    pub fn answer_from<B: AsRef<[u8]>>(self, snapshot: &Snapshot<B>) -> T {
        match self {
            Ask::Document(ask) => ask.answer_from(snapshot),
            Ask::Documents(ask) => ask.answer_from(snapshot),
        }
    }
}

impl<T> AskDocuments<T> {
    /// Returns the outcome, with a snapshot as the store. Its documents are not checked again.
    pub fn answer_from<B: AsRef<[u8]>>(self, snapshot: &Snapshot<B>) -> T {
        self.call.answer_from(snapshot.view(), &self.limits)
    }
}

impl<T> AskDocument<T> {
    /// Returns the outcome, with a snapshot as the store. Its document is not checked again.
    pub fn answer_from<B: AsRef<[u8]>>(self, snapshot: &Snapshot<B>) -> T {
        self.call.answer_from(snapshot.view().get(&self.uid), &self.limits)
    }
}

/// Finds the position of an error in the body.
fn locate(
    malformed: Malformed,
    body: &[u8],
    documents: &[&[u8]],
    limits: &Limits,
) -> SnapshotError {
    // Checking the whole body finds a syntax error again, and where it is.
    if malformed.field.is_none()
        && malformed.subject != Subject::List
        && let Err(error) = check(body, limits)
    {
        return SnapshotError {
            position: Some(error.position),
            malformed: Malformed { reason: error.reason, ..malformed },
        };
    }
    let faulty = documents.iter().find(|document| Document::check(document, limits).is_err());
    // If all are sound, two of them share a uid. The later one is at fault.
    let named = |document: &&&[u8]| match &malformed.subject {
        Subject::Document(uid) => find_uid(document, limits).is_some_and(|found| found == *uid),
        _ => false,
    };
    let document =
        faulty.or_else(|| documents.iter().rfind(named)).map_or(body, |document| *document);
    let position = Position::of(body, document);
    SnapshotError { malformed, position: Some(position) }
}
