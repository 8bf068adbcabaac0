//! A catalog of one moment, checked whole.

mod error;
pub(crate) mod image;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::body;
use crate::checked::{Catalog, CheckedDocument, check_each};
use crate::error::{Error, Malformed};
use crate::json::Position;
use crate::limits::Limits;
use crate::lookup::{self, Differences};
use crate::rest::{self, Request, Response};
use crate::snapshot::image::{Builder, ImageView, Trailer};
use crate::step::{Ask, Step};

pub use crate::snapshot::error::{ImageError, SnapshotError};

/// A catalog of one moment: checked once, asked many times.
///
/// It answers every call as a store with the same documents does, and checks nothing again.
///
/// ```
/// use ccs_modules::access::Caller;
/// use ccs_modules::rest::Request;
/// use ccs_modules::{Limits, Snapshot, list_modules};
///
/// let limits = Limits::default();
/// let snapshot = Snapshot::parse(br#"[{"uid": "a"}, {"uid": "b"}]"#, &limits)?;
///
/// let modules = snapshot.answer(list_modules(&["db_viewer"], &limits)).unwrap();
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
/// A snapshot is one buffer, its **image**. A program that has the image needs no check. The image can
/// lie in a file, in shared memory, or in a program's own data, and is answered from without a copy.
///
/// ```
/// # use ccs_modules::{Limits, Snapshot, get_module};
/// # let limits = Limits::default();
/// let image: Vec<u8> = Snapshot::parse(br#"[{"uid":"a"}]"#, &limits)?.into_image();
/// let image: &'static [u8] = image.leak(); // in a program's own data, for example
///
/// let snapshot = Snapshot::from_image(image).unwrap();
/// let module = snapshot.answer(get_module(&["admin"], "a", &limits)).unwrap();
/// assert_eq!(module.uid, "a");
/// # Ok::<(), ccs_modules::SnapshotError>(())
/// ```
///
/// An image has up to 4 GiB. Its layout belongs to one version of this library.
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
    /// If the body is not a JSON array of module documents, a document is malformed, two documents share
    /// a uid, or a limit is exceeded.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Self, SnapshotError> {
        let documents = body::split(body).map_err(|error| SnapshotError {
            position: Some(error.position),
            malformed: Malformed::list(error.reason),
        })?;
        Self::build(&documents, limits).map_err(|malformed| locate(malformed, body, &documents))
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
        let documents: Vec<_> = documents.iter().map(AsRef::as_ref).collect();
        Self::build(&documents, limits)
            .map_err(|malformed| SnapshotError { malformed, position: None })
    }

    fn build(documents: &[&[u8]], limits: &Limits) -> Result<Self, Malformed> {
        let bytes = documents.iter().map(|document| document.len()).sum();
        let mut builder = Builder::with_capacity(documents.len(), bytes);
        let uids = check_each(documents, limits, |document| builder.add(&document))?;
        let (image, trailer) = builder.finish(&uids)?;
        Ok(Self { image, trailer })
    }
}

impl<B: AsRef<[u8]>> Snapshot<B> {
    /// Takes the image of a snapshot as it is, in constant time.
    ///
    /// The documents in it are not checked again. If the image was damaged, calls return errors or the
    /// damaged data. They never panic.
    ///
    /// # Errors
    ///
    /// If the bytes are not an image that this version of the library made.
    pub fn from_image(image: B) -> Result<Self, ImageError> {
        let trailer = Trailer::of(image.as_ref())?;
        Ok(Self { image, trailer })
    }

    /// Returns the image.
    pub fn image(&self) -> &[u8] {
        self.image.as_ref()
    }

    /// Returns the image, taken out.
    pub fn into_image(self) -> B {
        self.image
    }

    /// Returns the outcome of a call, with this catalog as the store.
    ///
    /// ```
    /// use ccs_modules::lookup::find_modules;
    /// use ccs_modules::{Limits, Snapshot};
    ///
    /// let limits = Limits::default();
    /// let snapshot = Snapshot::parse(br#"[{"uid":"a","module_name":"bf"}]"#, &limits)?;
    /// let found = snapshot.answer(find_modules(&["admin"], "bf", None, &limits)).unwrap();
    /// assert_eq!(found[0].uid, "a");
    /// # Ok::<(), ccs_modules::SnapshotError>(())
    /// ```
    pub fn answer<T>(&self, step: Step<T>) -> T {
        match step {
            Step::Done(outcome) => outcome,
            Step::Ask(Ask::Document(ask)) => {
                let entry = self.view().get(ask.uid());
                (ask.outcome)(entry.map(CheckedDocument::Kept))
            }
            Step::Ask(Ask::Documents(ask)) => (ask.outcome)(Ok(Catalog::Kept(self.view()))),
        }
    }

    /// Answers a request. Every failure is a response too. `limits` are those of the request.
    ///
    /// The body of the list is borrowed. [`Response::into_owned`] copies it.
    pub fn handle(&self, request: &Request<'_>, limits: &Limits) -> Response<Cow<'_, [u8]>> {
        self.handle_with(request, limits, [])
    }

    /// Answers a request as [`handle`](Self::handle) does, with these header fields if the response comes
    /// from the snapshot.
    pub(crate) fn handle_with(
        &self,
        request: &Request<'_>,
        limits: &Limits,
        headers: impl IntoIterator<Item = (String, String)>,
    ) -> Response<Cow<'_, [u8]>> {
        rest::handle_kept(request, self.view(), limits, headers)
    }

    /// Compares this catalog, the older one, with a newer one.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if one of the two is an image that was damaged.
    pub fn differences<C: AsRef<[u8]>>(&self, newer: &Snapshot<C>) -> Result<Differences, Error> {
        Ok(lookup::differences(self.view(), newer.view())?)
    }

    /// Returns the body of the list: the documents in compact form, in one array, and one line end.
    pub fn body(&self) -> &[u8] {
        self.view().body()
    }

    /// Returns the entity tag of the list, with its quotes.
    pub fn entity_tag(&self) -> String {
        self.view().entity_tag()
    }

    /// Returns the documents in compact form, in the order of the list.
    pub fn documents(&self) -> impl Iterator<Item = &[u8]> {
        let texts = self.view().entries().map(|entry| entry.and_then(|entry| entry.text_bytes()));
        texts.map(Result::unwrap_or_default)
    }

    /// Returns the document with this uid in compact form, if there is one.
    pub fn document(&self, uid: &str) -> Option<&[u8]> {
        self.view().find(uid).ok()??.text_bytes().ok()
    }

    /// Returns the number of documents.
    pub fn len(&self) -> usize {
        self.trailer.documents()
    }

    /// Returns whether there are no documents.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn view(&self) -> ImageView<'_> {
        ImageView { image: self.image.as_ref(), trailer: self.trailer }
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
        let view = ImageView { image: self.image, trailer: self.trailer };
        rest::handle_kept(request, view, limits, [])
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

/// Adds the position in the body. It is that of the mistake if a document is not JSON, and otherwise that of
/// the document.
fn locate(mut malformed: Malformed, body: &[u8], documents: &[&[u8]]) -> SnapshotError {
    let document = malformed.index.and_then(|index| documents.get(index));
    let within = malformed.position.take();
    let start = Position::of(body, document.unwrap_or(&body));
    SnapshotError { malformed, position: Some(within.map_or(start, |it| it.moved(start))) }
}
