//! Which machine a binary is for.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// CPUs in Node's words, with ELF's numbers (`e_machine` of `elf.h`).
const MACHINES: [(&str, u16); 5] = [("x64", 62), ("arm64", 183), ("arm", 40), ("ppc64", 21), ("s390x", 22)];

/// Whether a binary is for a CPU, in Node's words; none for a file that is no binary. What is called `.node` is one, also where it
/// is for no Linux at all.
///
/// # Errors
/// When it cannot be read.
pub(super) fn fits(name: &str, path: &Path, cpu: &str) -> io::Result<Option<bool>> {
    let mut head = Vec::new();
    File::open(path)?.take(20).read_to_end(&mut head)?;
    let wanted = MACHINES.iter().find(|(known, _)| *known == cpu).map(|(_, machine)| *machine);
    Ok(match machine(&head) {
        None => name.ends_with(".node").then_some(false),
        found => Some(wanted.is_none() || found == wanted),
    })
}

/// `e_machine` of a file that begins so; none where it is no ELF file.
fn machine(head: &[u8]) -> Option<u16> {
    match head {
        [0x7f, b'E', b'L', b'F', _, order, .., low, high] if head.len() == 20 => {
            Some(if *order == 2 { u16::from_be_bytes([*low, *high]) } else { u16::from_le_bytes([*low, *high]) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_read_in_its_own_order() {
        let elf = |order: u8, machine: [u8; 2]| {
            let mut head = vec![0x7f, b'E', b'L', b'F', 2, order];
            head.resize(18, 0);
            head.extend(machine);
            head
        };
        assert_eq!(machine(&elf(1, [62, 0])), Some(62));
        assert_eq!(machine(&elf(1, [183, 0])), Some(183));
        assert_eq!(machine(&elf(2, [0, 22])), Some(22));
        for other in [&b""[..], b"\x7fELF", b"MZ\x90\0aaaaaaaaaaaaaaaaaaaaaaaa", &elf(1, [62, 0])[..19]] {
            assert_eq!(machine(other), None, "{other:?}");
        }
    }
}
