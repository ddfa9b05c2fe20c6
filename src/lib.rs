//! A BuildKit frontend for Backstage.
