//! Typed LLB.
