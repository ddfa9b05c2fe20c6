//! Scalars that stand for a value of another type.

use buildkit_frontend::text::list;

use crate::spec::model::NodeVersion;

use super::scalar::{ValueError, value_error};

/// `22`, `v22` or `22.19.0`.
pub(crate) fn node_version(text: &str) -> Result<NodeVersion, ValueError> {
    let numbers: Option<Vec<u64>> = text
        .trim_start_matches(['v', 'V'])
        .split('.')
        .map(|part| part.parse().ok().filter(|_| part.chars().all(|c| c.is_ascii_digit())))
        .collect();
    match numbers.as_deref() {
        Some([major @ 1..=999]) => Ok(NodeVersion { major: *major, exact: None }),
        Some([major @ 1..=999, minor, patch]) => Ok(NodeVersion { major: *major, exact: Some((*minor, *patch)) }),
        Some([major @ 1..=999, minor]) => Err(value_error(
            "is neither a Node line nor an exact version",
            format!("write `{major}` for the newest of the line, or all three numbers, such as `{major}.{minor}.0`"),
        )),
        _ => {
            Err(value_error("is not a Node version", "write a line such as `22` or an exact version such as `22.19.0`"))
        }
    }
}

/// Permission bits: `644`, `0644` or `0o644`.
pub(crate) fn mode(text: &str) -> Result<u32, ValueError> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let octal = (3..=5).contains(&digits.len()) && digits.chars().all(|c| c.is_digit(8));
    let bits = if octal { u32::from_str_radix(digits, 8).ok() } else { None };
    bits.filter(|bits| *bits <= 0o7777)
        .ok_or_else(|| value_error("is not a mode", "write three or four octal digits, such as `0644` or `0755`"))
}

/// A heap size in MiB; `auto` is none.
pub(crate) fn memory(text: &str) -> Result<Option<u64>, ValueError> {
    if text == "auto" {
        return Ok(None);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or("").to_lowercase();
    let mib = digits.parse::<u64>().ok().and_then(|n| match unit.as_str() {
        "" | "m" | "mb" | "mib" => Some(n),
        "g" | "gb" | "gib" => n.checked_mul(1024),
        _ => None,
    });
    match mib {
        Some(mib @ 64..=1_048_576) => Ok(Some(mib)),
        Some(_) => Err(value_error(
            "is not a sensible heap size",
            "numbers without a unit are MiB; write `4096` or `4g` for 4 GiB",
        )),
        None => {
            Err(value_error("is not a size", "write a number of MiB such as `4096`, a size such as `4g`, or `auto`"))
        }
    }
}

/// A duration in nanoseconds: `30s`, `1m30s`, `500ms`.
pub(crate) fn duration(text: &str) -> Result<u64, ValueError> {
    const UNITS: [(&str, u64); 4] =
        [("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];
    let wrong = || {
        let units: Vec<&str> = UNITS.iter().map(|(unit, _)| *unit).collect();
        value_error(
            "is not a duration",
            format!("write numbers with a unit ({}), such as `30s` or `1m30s`", list(units, "or")),
        )
    };
    let mut total = 0_u64;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (digits, tail) = rest.split_at_checked(end).ok_or_else(wrong)?;
        let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end).ok_or_else(wrong)?;
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let nanos = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(*factor)).ok_or_else(wrong)?;
        total = total.checked_add(nanos).filter(|n| i64::try_from(*n).is_ok()).ok_or_else(wrong)?;
        rest = tail;
    }
    Ok(total)
}
