//! The wasm-bindgen surface: types of JavaScript in and out, errors as `Error` objects with a `code`. No logic.

mod engine;
mod errors;

use wasm_bindgen::prelude::*;

unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// Runs once when the module is instantiated.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
    // burn registers itself by static constructors. Left alone, the linker runs all of them on every call from
    // JavaScript; once this symbol is used explicitly, it no longer does.
    // SAFETY: the linker defines this function, it takes nothing, and this is the only call.
    unsafe { __wasm_call_ctors() };
}
