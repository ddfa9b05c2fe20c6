//! Memory and processor time of a step (`--resource`).

use super::value::{Invalid, MAX_CPU, number};

/// What a step may use. `None` everywhere is no limit of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resources {
    /// Bytes of memory, above 0.
    pub memory: Option<i64>,
    /// Bytes of memory and swap together, above 0, or -1 for no limit.
    pub memory_swap: Option<i64>,
    /// Relative weight, above 0.
    pub cpu_shares: Option<u64>,
    /// Length of a scheduler period in microseconds, above 0.
    pub cpu_period: Option<u64>,
    /// Processor time per period in microseconds, above 0.
    pub cpu_quota: Option<i64>,
    /// Processors, such as `0-3,5`.
    pub cpuset_cpus: Option<String>,
    /// Memory nodes, such as `0-1`.
    pub cpuset_mems: Option<String>,
}

impl Resources {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Options `memory` and `cpuquota`: a number above 0.
pub(super) fn positive(text: &str) -> Result<Option<i64>, Invalid> {
    bounded(text, |n: &i64| *n > 0)
}

/// Options `cpushares` and `cpuperiod`: a number above 0.
pub(super) fn positive_unsigned(text: &str) -> Result<Option<u64>, Invalid> {
    bounded(text, |n: &u64| *n > 0)
}

/// Option `memswap`: a number above 0, or -1.
pub(super) fn swap(text: &str) -> Result<Option<i64>, Invalid> {
    bounded(text, |n: &i64| *n == -1 || *n > 0)
}

fn bounded<N: std::str::FromStr>(text: &str, allowed: impl FnOnce(&N) -> bool) -> Result<Option<N>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    let n: N = number(text)?;
    if allowed(&n) { Ok(Some(n)) } else { Err(Invalid::Range(text.to_owned())) }
}

/// Options `cpusetcpus` and `cpusetmems`: numbers and ranges of numbers.
pub(super) fn cpuset(text: &str) -> Result<Option<String>, Invalid> {
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let bound = |text: &str| text.trim().parse::<u32>().ok().filter(|n| *n <= MAX_CPU);
        match (bound(low), bound(high)) {
            (Some(low), Some(high)) if low <= high => {}
            _ => return Err(Invalid::CpuSet(part.to_owned())),
        }
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(positive(""), Ok(None));
        assert_eq!(positive("2147483648"), Ok(Some(2_147_483_648)));
        assert_eq!(positive("0"), Err(Invalid::Range("0".into())));
        assert_eq!(positive("-1"), Err(Invalid::Range("-1".into())));
        assert_eq!(positive("2g"), Err(Invalid::Number("2g".into())));
        assert_eq!(swap("-1"), Ok(Some(-1)));
        assert_eq!(swap("0"), Err(Invalid::Range("0".into())));
        assert_eq!(swap("-2"), Err(Invalid::Range("-2".into())));
        assert_eq!(positive_unsigned("1024"), Ok(Some(1024)));
        assert_eq!(positive_unsigned("-5"), Err(Invalid::Number("-5".into())));
        assert_eq!(positive_unsigned("0"), Err(Invalid::Range("0".into())));
    }

    #[test]
    fn cpu_sets() {
        assert_eq!(cpuset(""), Ok(None));
        for text in ["0", "0-3", "0-3,5, 7 - 9", "8192"] {
            assert_eq!(cpuset(text), Ok(Some(text.into())));
        }
        for (text, part) in [("a", "a"), ("3-1", "3-1"), ("0,0-8193", "0-8193"), ("-1", "-1"), ("0-", "0-")] {
            assert_eq!(cpuset(text), Err(Invalid::CpuSet(part.into())));
        }
    }
}
