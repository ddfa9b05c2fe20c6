//! Text of a file operation. `@0` is the result of its first action.

use std::fmt::{self, Formatter};

use buildkit_proto::pb;
use buildkit_proto::pb::file_action::Action;

use super::{Refs, word, words};
use crate::Digest;

/// Longer content of a file is shown as size and digest.
const SHOWN_BYTES: usize = 1024;

pub(super) fn write(file: &pb::FileOp, refs: &Refs, f: &mut Formatter<'_>) -> fmt::Result {
    writeln!(f, "file")?;
    for (step, position) in file.actions.iter().zip(0_usize..) {
        write!(f, "  @{position} on {}: ", refs.tree(step.input))?;
        match &step.action {
            Some(Action::Copy(copy)) => write_copy(copy, step.secondary_input, refs, f)?,
            Some(Action::Mkfile(mkfile)) => {
                write!(f, "mkfile {} {:04o}", word(&mkfile.path), mkfile.mode)?;
                write_owner(mkfile.owner.as_ref(), refs, f)?;
                write_timestamp(mkfile.timestamp, f)?;
                write!(f, " {}", content(&mkfile.data))?;
            }
            Some(Action::Mkdir(mkdir)) => {
                write!(f, "mkdir {} {:04o}", word(&mkdir.path), mkdir.mode)?;
                write_flag(mkdir.make_parents, "parents", f)?;
                write_owner(mkdir.owner.as_ref(), refs, f)?;
                write_timestamp(mkdir.timestamp, f)?;
            }
            Some(Action::Rm(rm)) => {
                write!(f, "rm {}", word(&rm.path))?;
                write_flag(rm.allow_not_found, "allow-not-found", f)?;
                write_flag(rm.allow_wildcard, "wildcard", f)?;
            }
            Some(Action::Symlink(symlink)) => {
                write!(f, "symlink {} -> {}", word(&symlink.newpath), word(&symlink.oldpath))?;
                write_owner(symlink.owner.as_ref(), refs, f)?;
                write_timestamp(symlink.timestamp, f)?;
            }
            None => write!(f, "nothing")?,
        }
        if step.output >= 0 {
            write!(f, " -> {}", step.output)?;
        }
        writeln!(f)?;
    }
    Ok(())
}

fn write_copy(copy: &pb::FileActionCopy, from: i64, refs: &Refs, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "copy {} {} to {}", refs.tree(from), word(&copy.src), word(&copy.dest))?;
    for (patterns, key) in
        [(&copy.include_patterns, "include"), (&copy.exclude_patterns, "exclude"), (&copy.required_paths, "require")]
    {
        if !patterns.is_empty() {
            write!(f, " {key}[{}]", words(patterns).trim_start())?;
        }
    }
    for (flag, key) in [
        (copy.dir_copy_contents, "contents"),
        (copy.create_dest_path, "create-dest"),
        (copy.follow_symlink, "follow"),
        (copy.attempt_unpack_docker_compatibility, "unpack"),
        (copy.allow_wildcard && !copy.allow_empty_wildcard, "wildcard"),
        (copy.allow_empty_wildcard, "wildcard-or-nothing"),
        (copy.always_replace_existing_dest_paths, "replace"),
    ] {
        write_flag(flag, key, f)?;
    }
    if copy.mode != -1 {
        write!(f, " mode={:04o}", copy.mode)?;
    }
    if !copy.mode_str.is_empty() {
        write!(f, " mode={}", word(&copy.mode_str))?;
    }
    write_owner(copy.owner.as_ref(), refs, f)?;
    write_timestamp(copy.timestamp, f)
}

fn write_flag(flag: bool, key: &str, f: &mut Formatter<'_>) -> fmt::Result {
    if flag { write!(f, " {key}") } else { Ok(()) }
}

fn write_timestamp(timestamp: i64, f: &mut Formatter<'_>) -> fmt::Result {
    if timestamp == -1 { Ok(()) } else { write!(f, " time={timestamp}") }
}

fn write_owner(owner: Option<&pb::ChownOpt>, refs: &Refs, f: &mut Formatter<'_>) -> fmt::Result {
    let Some(owner) = owner else { return Ok(()) };
    let text = |user: &Option<pb::UserOpt>| match user.as_ref().and_then(|user| user.user.as_ref()) {
        Some(pb::user_opt::User::ById(id)) => id.to_string(),
        Some(pb::user_opt::User::ByName(name)) => {
            format!("{}@{}", word(&name.name), refs.tree(name.input))
        }
        None => String::new(),
    };
    write!(f, " owner={}:{}", text(&owner.user), text(&owner.group))
}

fn content(data: &[u8]) -> String {
    match std::str::from_utf8(data) {
        Ok(text) if data.len() <= SHOWN_BYTES => format!("{text:?}"),
        _ => format!("{} bytes {}", data.len(), Digest::of(data)),
    }
}

/// What the first action does, and how many more there are.
pub(super) fn summary(file: &pb::FileOp) -> String {
    let first = match file.actions.first().and_then(|step| step.action.as_ref()) {
        Some(Action::Copy(copy)) => format!("copy {} {}", copy.src, copy.dest),
        Some(Action::Mkfile(mkfile)) => format!("mkfile {}", mkfile.path),
        Some(Action::Mkdir(mkdir)) => format!("mkdir {}", mkdir.path),
        Some(Action::Rm(rm)) => format!("rm {}", rm.path),
        Some(Action::Symlink(symlink)) => format!("symlink {}", symlink.newpath),
        None => "nothing".into(),
    };
    match file.actions.len().saturating_sub(1) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
