//! Text as people read it aloud: cut into pieces that are said one after another, numbers and signs spelled out.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`pieces`] | sentences, and parts of those that are too long |
//! | [`words`] | what a written word sounds like: money, times, dates, units, abbreviations, signs |
//! | [`numbers`] | numbers in words |

pub mod numbers;
pub mod pieces;
pub mod words;

pub use pieces::{Piece, readable};
