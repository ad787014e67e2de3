//! Nothing but benches: see `benches/adapter.rs`.
