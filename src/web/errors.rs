//! Errors on their way to JavaScript.

use crate::error::Error;
use wasm_bindgen::JsValue;

/// A JavaScript `Error` with our message, and our code under `code`.
pub fn to_js(error: &Error) -> JsValue {
    let object = js_sys::Error::new(&error.to_string());
    // Setting a property on a fresh Error cannot fail.
    let _ = js_sys::Reflect::set(&object, &"code".into(), &error.code().into());
    object.into()
}

/// An options object that could not be read.
pub fn bad_options(error: &serde_wasm_bindgen::Error) -> JsValue {
    to_js(&Error::Option { name: "options", found: error.to_string(), expected: "an object as documented" })
}
