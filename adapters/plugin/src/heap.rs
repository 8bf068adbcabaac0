//! The plugin's allocator. All that a call allocates is given back when the call ends, so nothing is
//! looked for and nothing is reused before: memory is taken from one end on, and started over with
//! when all of it has been given back. That takes a tenth of the code of an allocator for all cases,
//! and a fresh instance touches no memory but what it fills.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::{memory_grow, memory_size};
use core::cell::Cell;
use core::ptr;

#[global_allocator]
static HEAP: Heap = Heap { top: Cell::new(0), blocks: Cell::new(0) };

struct Heap {
    /// The end of what is taken; 0 where nothing is.
    top: Cell<usize>,
    /// How many blocks have not been given back.
    blocks: Cell<usize>,
}

// SAFETY: the plugin has one thread.
unsafe impl Sync for Heap {}

// SAFETY: `take` hands out memory that exists and lies above all that is handed out; `top` goes down
// only to the start of a block that is given back, or when there is none left.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = self.take_above(self.top.get().max(heap_base()), layout.align(), layout.size());
        self.blocks.set(self.blocks.get() + usize::from(!block.is_null()));
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.blocks.set(self.blocks.get() - 1);
        if self.blocks.get() == 0 {
            self.top.set(0);
        } else if block.addr() + layout.size() == self.top.get() {
            self.top.set(block.addr());
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if block.addr() + layout.size() == self.top.get() {
            return self.take(block.addr(), size);
        }
        if size <= layout.size() {
            return block;
        }
        let grown = self.take_above(self.top.get(), layout.align(), size);
        if !grown.is_null() {
            // SAFETY: the caller owns `block`, and `grown` lies above it.
            unsafe { ptr::copy_nonoverlapping(block, grown, layout.size()) };
        }
        grown
    }
}

impl Heap {
    /// Takes so many bytes from the first aligned place from `above` on; null where there is no such
    /// memory.
    fn take_above(&self, above: usize, align: usize, bytes: usize) -> *mut u8 {
        match above.checked_next_multiple_of(align) {
            Some(start) => self.take(start, bytes),
            None => ptr::null_mut(),
        }
    }

    /// Takes so many bytes from `start`; null where there is no such memory.
    fn take(&self, start: usize, bytes: usize) -> *mut u8 {
        const PAGE: usize = 1 << 16;

        let Some(end) = start.checked_add(bytes) else {
            return ptr::null_mut();
        };
        let missing = end.div_ceil(PAGE).saturating_sub(memory_size(0));
        if missing > 0 && memory_grow(0, missing) == usize::MAX {
            return ptr::null_mut();
        }
        self.top.set(end);
        ptr::with_exposed_provenance_mut(start)
    }
}

/// Where the memory starts that holds neither the stack nor data.
fn heap_base() -> usize {
    unsafe extern "C" {
        /// Set by the linker.
        static __heap_base: u8;
    }
    (&raw const __heap_base).addr()
}
