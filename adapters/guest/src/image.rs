//! The image of a snapshot in the artifact's own memory, which the command `bake` puts there.

#![allow(unsafe_code)] // An image that is put in after linking is known by its address only.

use core::ptr;
use core::slice;
use core::sync::atomic::{AtomicU32, Ordering};

/// The address and the length of the image; zeros until `bake` sets them. `bake` finds this by the
/// exported global, whose value is the address. Atomic, so that no compiler takes the zeros for granted.
#[unsafe(export_name = "ccs-image")]
static PLACE: [AtomicU32; 2] = [AtomicU32::new(0), AtomicU32::new(0)];

/// Returns the image; `None` if no catalog has been baked in.
pub fn image() -> Option<&'static [u8]> {
    let [address, length] = PLACE.each_ref().map(|word| word.load(Ordering::Relaxed) as usize);
    if length == 0 {
        return None;
    }
    let address = ptr::with_exposed_provenance(address);
    // SAFETY: Only `bake` sets the two numbers, and there it puts that many bytes of a data segment,
    // behind the last page of what the linker placed. Nothing writes to them: the allocator hands out only
    // what is left of that page, and memory that it has grown, which begins behind the image.
    Some(unsafe { slice::from_raw_parts(address, length) })
}
