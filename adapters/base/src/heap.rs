//! The allocator: talc. It first uses the memory from the end of the data to the end of that page, which an
//! instance has from its start. Then it grows the memory. Talc's own source grows at the first allocation,
//! which costs a fresh instance a tenth of a call.

#![allow(unsafe_code)]

use core::alloc::Layout;
use core::arch::wasm32::memory_grow;
use core::ptr::{self, NonNull};

use talc::base::Talc;
use talc::base::binning::Binning;
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::wasm::WasmBinning;

#[global_allocator]
static ALLOCATOR: TalcSyncCell<LinearMemory, WasmBinning> =
    TalcSyncCell::new_wasm(LinearMemory { is_used: false, end: None });

/// The linear memory of an instance. Behind the page in which the data ends it may contain an image, which
/// `bake` puts there.
#[derive(Debug)]
struct LinearMemory {
    /// Whether the memory from the start has been used.
    is_used: bool,
    /// The end of the heap that was claimed last.
    end: Option<NonNull<u8>>,
}

// SAFETY: nothing here allocates, and the heaps are memory that nothing else uses: the remainder of the
// page in which the data ends, and pages that are grown here.
unsafe impl Source for LinearMemory {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        if !talc.source.is_used {
            talc.source.is_used = true;
            let start = heap_base();
            // SAFETY: the linker placed nothing behind the data.
            talc.source.end = unsafe { talc.claim(start, start.align_offset(PAGE)) };
            if talc.source.end.is_some() {
                return Ok(());
            }
        }
        let bytes = layout.size().saturating_add(layout.align()).saturating_add(OVERHEAD);
        let pages = bytes.div_ceil(PAGE);
        let start: *mut u8 = match memory_grow(0, pages) {
            usize::MAX => return Err(()),
            page => ptr::with_exposed_provenance_mut(page * PAGE),
        };
        talc.source.end = match talc.source.end {
            // SAFETY: these pages have just been grown, directly behind the heap.
            Some(end) if end.as_ptr() == start => {
                Some(unsafe { talc.extend(end, start.wrapping_add(pages * PAGE)) })
            }
            // SAFETY: these pages have just been grown.
            _ => unsafe { talc.claim(start, pages * PAGE) },
        };
        talc.source.end.map(drop).ok_or(())
    }
}

/// The size of a page of memory.
const PAGE: usize = 1 << 16;

/// The bytes that talc needs for itself in a new heap, and more.
const OVERHEAD: usize = 1 << 10;

/// Returns the start of the memory that has neither the stack nor data in it.
fn heap_base() -> *mut u8 {
    unsafe extern "C" {
        /// Set by the linker.
        static mut __heap_base: u8;
    }
    &raw mut __heap_base
}
