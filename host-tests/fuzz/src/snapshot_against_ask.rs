//! A snapshot against a store of the same documents: the same answers, to the byte.

use arbitrary::{Result, Unstructured};
use ccs_modules::{Error, Limits, Snapshot, body, get_module, list_modules};

use crate::calls::{Store, get, handle, list};
use crate::generate;

pub fn run(input: &[u8]) {
    _ = check(&mut Unstructured::new(input));
}

fn check(u: &mut Unstructured<'_>) -> Result<()> {
    let limits = Limits::default();
    let documents: Vec<_> =
        (0..u.int_in_range(0..=5)?).map(|_| generate::document(u)).collect::<Result<_>>()?;
    let store = Store { documents: Ok(documents.clone()), document: None };
    let snapshot = match Snapshot::from_documents(&documents, &limits) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            assert_eq!(list(&store, &limits), Err(Error::Malformed(error.malformed)));
            return Ok(());
        }
    };
    let body = body::join(&documents);
    assert_eq!(Snapshot::parse(&body, &limits).as_ref(), Ok(&snapshot));
    assert_eq!(Snapshot::parse(snapshot.body(), &limits).as_ref(), Ok(&snapshot));
    let image = Snapshot::from_image(snapshot.image()).expect("the image of a snapshot");

    assert_eq!(snapshot.answer(list_modules(&["admin"], &limits)), list(&store, &limits));
    for _ in 0..3 {
        let uid = generate::uid(u)?;
        assert_eq!(
            snapshot.answer(get_module(&["admin"], uid, &limits)),
            get(&store, uid, &limits)
        );
        let request = generate::request(u)?;
        let asked = handle(&store, &request, &limits);
        let headers = request.lent();
        let request = request.with(&headers);
        assert_eq!(snapshot.handle(&request, &limits).into_owned(), asked);
        assert_eq!(image.handle(&request, &limits).into_owned(), asked);
    }
    Ok(())
}
