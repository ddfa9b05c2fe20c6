//! A graph that copies what the planning step wrote makes the same files as one that writes them itself.

use std::collections::{BTreeMap, BTreeSet};

use backstage_build::plan::Plan;
use buildkit_llb::{Definition, Vertex};
use buildkit_proto::pb::file_action::Action;
use buildkit_proto::pb::op::Op;

/// Files by path, with their bits and texts.
type Files = BTreeMap<String, (u32, String)>;

/// What a vertex does, as far as the two graphs must do the same: inputs have other numbers.
#[derive(Debug, PartialEq, Eq)]
enum Deed {
    Writes(Files),
    Mounts(String, String),
    Does(String),
}

/// The vertices of which the two are not the same.
pub fn differences(plan: &Plan, copying: &Definition, writing: &Definition) -> Vec<String> {
    let folders: BTreeMap<String, Files> = plan
        .written()
        .map(|(folder, files)| {
            let files =
                files.iter().map(|(path, file)| (path.to_string(), (file.mode, file.text.text().unwrap().to_owned())));
            (format!("/{folder}"), files.collect())
        })
        .collect();
    // What is only written is read where it lies.
    let only_written = ["[internal] helpers", "[internal] plan", "[internal] what the backend needs"];
    let unneeded = BTreeSet::from(only_written.map(str::to_owned));
    let all = |definition: &Definition| -> BTreeMap<String, Vec<Deed>> {
        let vertices = definition.vertices().iter().map(|vertex| (vertex.title(), deeds(vertex, &folders)));
        vertices.filter(|(title, _)| !unneeded.contains(title)).collect()
    };
    let (copying, writing) = (all(copying), all(writing));
    let titles: BTreeSet<&String> = copying.keys().chain(writing.keys()).collect();
    let other = titles.into_iter().filter(|title| copying.get(*title) != writing.get(*title));
    other.map(|title| format!("{title} copies {:?} and writes {:?}", copying.get(title), writing.get(title))).collect()
}

fn deeds(vertex: &Vertex, folders: &BTreeMap<String, Files>) -> Vec<Deed> {
    match vertex.node().op().op.as_ref() {
        Some(Op::File(op)) => {
            let mut deeds = Vec::new();
            let mut made = BTreeSet::from([String::new()]);
            for action in &op.actions {
                match action.action.as_ref().unwrap() {
                    Action::Mkdir(dir) if dir.mode == 0o755 && dir.make_parents => drop(made.insert(dir.path.clone())),
                    Action::Mkfile(file) => {
                        let (parent, _) = file.path.rsplit_once('/').unwrap();
                        assert!(made.contains(parent), "nobody makes the folder of {}", file.path);
                        let text = String::from_utf8(file.data.to_vec()).unwrap();
                        writes(&mut deeds, [(file.path.clone(), (u32::try_from(file.mode).unwrap(), text))].into());
                    }
                    Action::Copy(copy) => match found(folders, &copy.src) {
                        Some((files, "")) => writes(&mut deeds, files.clone()),
                        Some((files, path)) => {
                            assert_eq!(path, copy.dest);
                            let (parent, _) = path.rsplit_once('/').unwrap();
                            assert!(made.contains(parent), "nobody makes the folder of {path}");
                            writes(&mut deeds, [(path.to_owned(), files[path].clone())].into());
                        }
                        None => deeds.push(Deed::Does(format!("{copy:?}"))),
                    },
                    other => deeds.push(Deed::Does(format!("{other:?}"))),
                }
            }
            deeds
        }
        Some(Op::Exec(op)) => {
            let mounts = op.mounts.iter().map(|mount| {
                let selector = found(folders, &mount.selector).map_or(mount.selector.as_str(), |(_, path)| path);
                Deed::Mounts(mount.dest.clone(), selector.to_owned())
            });
            mounts.chain([Deed::Does(format!("{:?}", op.meta))]).collect()
        }
        other => vec![Deed::Does(format!("{other:?}"))],
    }
}

/// Files that are written one after the other are written together.
fn writes(deeds: &mut Vec<Deed>, files: Files) {
    match deeds.last_mut() {
        Some(Deed::Writes(all)) => all.extend(files),
        _ => deeds.push(Deed::Writes(files)),
    }
}

/// The folder that a path lies in, and the rest of the path.
fn found<'a, 'b>(folders: &'a BTreeMap<String, Files>, path: &'b str) -> Option<(&'a Files, &'b str)> {
    folders.iter().find_map(|(folder, files)| {
        let rest = path.strip_prefix(folder.as_str())?;
        (rest.is_empty() || rest.starts_with('/')).then_some((files, rest))
    })
}
