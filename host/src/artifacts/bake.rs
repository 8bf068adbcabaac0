//! Baking: puts a catalog into an HTTP service, for edges that have no store.
//!
//! The service answers from the image of a snapshot in its own memory. The image becomes a data segment of
//! the service's core module; everything else is copied byte for byte. So no compiler is needed.

use std::ops::Range;

use ccs_modules::{Limits, Snapshot, SnapshotError};
use thiserror::Error;
use wasm_encoder::{
    Component, ConstExpr, DataCountSection, DataSection, MemorySection, MemoryType, RawSection,
};
use wasmparser::{
    BinaryReaderError, DataSectionReader, ExternalKind, MemorySectionReader, Operator, Parser,
    Payload, TypeRef,
};

/// The exported global of the service's core module: the address of two numbers of 32 bits, the address
/// and the length of the image.
const MARKER: &str = "ccs-image";

/// The size of a page of memory.
const PAGE: u64 = 64 << 10;

/// The pages that a memory can have: 4 GiB.
const MOST_PAGES: u64 = 1 << 16;

/// An HTTP service that contains its catalog.
#[derive(Clone, Debug)]
pub struct Baked {
    /// The component, which imports no store.
    pub wasm: Vec<u8>,
    /// The catalog.
    pub catalog: Snapshot,
}

/// The error for a catalog that cannot be baked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BakeError {
    /// The catalog breaks the rules.
    #[error(transparent)]
    Catalog(#[from] SnapshotError),
    /// The component has no place for a catalog.
    #[error("cannot bake into this component: {0}")]
    Component(&'static str),
    /// The component is not WebAssembly.
    #[error("cannot bake into this component: not WebAssembly: {0}")]
    NotWasm(#[from] BinaryReaderError),
    /// The memory of the component is too small for the catalog.
    #[error("the catalog takes {bytes} bytes, more than the memory of a component can hold")]
    TooLarge {
        /// The length of the image.
        bytes: usize,
    },
}

/// Bakes a body of `GET /v1/modules` into a service, one of the artifacts whose names end with `_baked`.
/// Only a catalog whose documents are all valid is baked. The service does not check it again.
///
/// # Errors
///
/// When a document is not valid, `service` has no place for a catalog, or the catalog is too large for
/// one memory.
pub fn bake(service: &[u8], body: &[u8]) -> Result<Baked, BakeError> {
    let catalog = Snapshot::parse(body, &Limits::default())?;
    let wasm = component(service, catalog.image())?;
    Ok(Baked { wasm, catalog })
}

/// Copies a component, and puts the image into the module that has a place for it.
fn component(service: &[u8], image: &[u8]) -> Result<Vec<u8>, BakeError> {
    let mut component = Component::new();
    let mut depth = 0_usize;
    let mut found = false;
    for payload in Parser::new(0).parse_all(service) {
        let payload = payload?;
        // Only the outermost sections are copied: what they contain is in their data.
        if let Some((id, range)) = payload.as_section().filter(|_| depth == 0) {
            let data = slice(service, range)?;
            let place = match payload {
                Payload::ModuleSection { .. } => Place::find(data)?,
                _ => None,
            };

            match place {
                Some(place) => {
                    component.section(&RawSection { id, data: &module(data, &place, image)? });
                    found = true;
                }
                None => {
                    component.section(&RawSection { id, data });
                }
            }
        }

        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }

    if found {
        Ok(component.finish())
    } else {
        Err(BakeError::Component(
            "it has no place for a catalog; use an artifact whose name ends with _baked",
        ))
    }
}

/// Copies a module, and puts the image at the end of its memory, which grows by as much.
fn module(module: &[u8], place: &Place, image: &[u8]) -> Result<Vec<u8>, BakeError> {
    let address = place.pages * PAGE;
    let pages = place.pages + (image.len() as u64).div_ceil(PAGE);
    if pages > place.most_pages {
        return Err(BakeError::TooLarge { bytes: image.len() });
    }
    // No memory has more than 4 GiB.
    let numbers = [address as u32, image.len() as u32].map(u32::to_le_bytes).concat();
    let added = [(place.marker, numbers.as_slice()), (address as i32, image)];

    let mut copy = wasm_encoder::Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        let Some((id, range)) = payload.as_section() else { continue };
        match payload {
            Payload::MemorySection(section) => copy.section(&memory(section, pages)?),
            Payload::DataCountSection { count, .. } => {
                copy.section(&DataCountSection { count: count + added.len() as u32 })
            }
            Payload::DataSection(section) => copy.section(&data(section, module, added)?),
            _ => copy.section(&RawSection { id, data: slice(module, range)? }),
        };
    }
    Ok(copy.finish())
}

/// Copies the section of a module's memory, which gets this number of pages at first.
fn memory(section: MemorySectionReader<'_>, pages: u64) -> Result<MemorySection, BakeError> {
    let mut memories = MemorySection::new();
    for memory in section {
        let wasmparser::MemoryType { memory64, shared, maximum, page_size_log2, .. } = memory?;
        memories.memory(MemoryType { minimum: pages, maximum, memory64, shared, page_size_log2 });
    }
    Ok(memories)
}

/// Copies the section of a module's data, and adds segments: their addresses and bytes.
fn data(
    section: DataSectionReader<'_>,
    module: &[u8],
    added: [(i32, &[u8]); 2],
) -> Result<DataSection, BakeError> {
    let mut segments = DataSection::new();
    for segment in section {
        segments.raw(slice(module, segment?.range)?);
    }
    for (address, bytes) in added {
        segments.active(0, &ConstExpr::i32_const(address), bytes.iter().copied());
    }
    Ok(segments)
}

/// The place for an image in a module.
struct Place {
    /// The value of the exported global.
    marker: i32,
    /// The pages that the memory has at first. The image goes behind them.
    pages: u64,
    /// The pages that the memory can have.
    most_pages: u64,
}

impl Place {
    /// Finds the place in a module; `None` if the module does not export the marker.
    fn find(module: &[u8]) -> Result<Option<Self>, BakeError> {
        let (mut globals, mut memories, mut has_data) = (Vec::new(), Vec::new(), false);
        let mut marker = None;

        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(section) => {
                    // Imported globals come first in the numbers of globals.
                    for import in section.into_imports() {
                        if matches!(import?.ty, TypeRef::Global(_)) {
                            globals.push(None);
                        }
                    }
                }
                Payload::MemorySection(section) => {
                    for memory in section {
                        memories.push(memory?);
                    }
                }
                Payload::GlobalSection(section) => {
                    for global in section {
                        globals.push(match global?.init_expr.get_operators_reader().read()? {
                            Operator::I32Const { value } => Some(value),
                            _ => None,
                        });
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        if export.kind == ExternalKind::Global && export.name == MARKER {
                            marker = globals.get(export.index as usize).copied().flatten();
                        }
                    }
                }
                Payload::DataSection(_) => has_data = true,
                _ => {}
            }
        }

        match (marker, memories.as_slice()) {
            (None, _) => Ok(None),
            (Some(marker), [memory]) if has_data => {
                let most_pages = memory.maximum.unwrap_or(MOST_PAGES);
                Ok(Some(Self { marker, pages: memory.initial, most_pages }))
            }
            (Some(_), _) => {
                Err(BakeError::Component("its module has not one memory of its own, with data"))
            }
        }
    }
}

/// The bytes of a range.
fn slice(wasm: &[u8], range: Range<u64>) -> Result<&[u8], BakeError> {
    let range = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
    range
        .and_then(|(start, end)| wasm.get(start..end))
        .ok_or(BakeError::Component("it ends too early"))
}
