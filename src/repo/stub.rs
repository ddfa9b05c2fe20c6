use super::*;
use crate::diagnostic::{Diagnostic, Diagnostics, Spanned};
use crate::files::Files;
use crate::path::ContextPath;
pub async fn read<F: Files>(_: &F, _: &[Spanned<ContextPath>]) -> Result<(Repository, Vec<Diagnostic>), Diagnostics> { todo!() }
pub fn config_references(_: &Repository) -> Vec<ContextPath> { vec![] }
pub mod config { use super::*; use serde_json::Value;
pub fn merge(_: &[&AppConfig]) -> Value { todo!() }
pub fn file_locations(_: &Value) -> Vec<String> { todo!() }
pub fn listen_port(_: &Value) -> Option<u16> { todo!() }
}
