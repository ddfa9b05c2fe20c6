//! The part of BuildKit's API that a frontend speaks.
