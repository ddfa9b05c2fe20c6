//! Runs: one exec each.

use std::collections::BTreeMap;

use buildkit_frontend::image::{BaseConfig, prefixed_path, set};
use buildkit_llb::exec::{self, Bind, Cache, ContentCache, ExecOp, Network, Secret, Tmpfs};
use buildkit_llb::{Input, Metadata, Output};

use crate::plan::{Mount, MountKind, NetworkAccess, Run, Sharing, Step, Tree};

use super::{Builder, GraphError};

impl Builder<'_> {
    /// The exec, and its outputs by path.
    pub(super) fn run(
        &self,
        step: &Step,
        run: &Run,
        metadata: Metadata,
    ) -> Result<BTreeMap<String, Output>, GraphError> {
        let op = |source| GraphError::Op { step: step.id.to_string(), source };
        let (program, args) = match run.args.split_first() {
            Some((_, args)) if run.root == Tree::Program => (self.program()?.path.as_str(), args),
            Some((program, args)) => (program.as_str(), args),
            None => ("", run.args.as_slice()),
        };
        let mut exec = ExecOp::new(self.tree(&run.root)?, program)
            .args(args)
            .envs(self.env(run))
            .cwd(run.cwd.as_str())
            .platform(run.runs_on.platform(self.settings.build))
            .remove_mount_stubs_recursive(true)
            .metadata(metadata);
        exec = self.settings.exec.apply(exec);
        if run.network == NetworkAccess::None {
            exec = exec.network(Network::None);
        }
        let mut outputs: Vec<(String, exec::MountId)> = Vec::new();
        for mount in &run.mounts {
            exec = self.mount(exec, mount, &mut outputs)?;
        }
        let exec = exec.build().map_err(op)?;
        let mut made = BTreeMap::from([("/".to_owned(), exec.root().map_err(op)?)]);
        for (path, id) in outputs {
            made.insert(path, exec.output(&id).map_err(op)?);
        }
        Ok(made)
    }

    fn mount(
        &self,
        exec: ExecOp,
        mount: &Mount,
        outputs: &mut Vec<(String, exec::MountId)>,
    ) -> Result<ExecOp, GraphError> {
        let dest = mount.dest.as_str();
        let mut writable = |input: Input| {
            let bind = Bind::output(dest, input);
            outputs.push((dest.to_owned(), bind.id()));
            bind
        };
        Ok(match &mount.kind {
            // Keyed by what made the tree: hashing the hundred thousand files of an install takes longer than a build.
            MountKind::Work(tree) => exec.mount(writable(self.tree(tree)?).content_cache(ContentCache::Off)),
            MountKind::Output => exec.mount(writable(Input::Scratch)),
            // BuildKit asks the last mount of an input how it counts: a run mounts a tree in one of the two ways only. What
            // steps write is one input, which counts by content.
            MountKind::Read { tree, src, skip_content_hash } => {
                let (keyed, (tree, src)) = match skip_content_hash {
                    true => (ContentCache::Off, (self.tree(tree)?, src.to_string())),
                    false => (ContentCache::Default, self.at(tree, src)?),
                };
                let bind = Bind::read_only(dest, tree).content_cache(keyed);
                exec.mount(if src == "/" { bind } else { bind.selector(&src) })
            }
            MountKind::Cache { id, sharing } => {
                let id = match self.settings.cache_namespace {
                    Some(namespace) => format!("{namespace}/{id}"),
                    None => id.clone(),
                };
                exec.mount(Cache::new(dest, id).sharing(match sharing {
                    Sharing::Shared => exec::Sharing::Shared,
                    Sharing::Locked => exec::Sharing::Locked,
                }))
            }
            MountKind::Tmpfs => exec.mount(Tmpfs::new(dest)),
            MountKind::Secret { id } => exec.mount(Secret::new(dest, id).optional()),
        })
    }

    /// The root image's environment with the step's over it.
    fn env(&self, run: &Run) -> Vec<(String, String)> {
        let mut vars = self.base_config(&run.root).map(BaseConfig::env).unwrap_or_default();
        if let Some(prefix) = &run.path {
            let path = vars.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone());
            set(&mut vars, "PATH", &prefixed_path(prefix.as_str(), path.as_deref()));
        }
        for (name, value) in &run.env {
            set(&mut vars, name, value);
        }
        vars
    }

    /// The configuration of the image that a root file system was made from.
    fn base_config(&self, root: &Tree) -> Option<&BaseConfig> {
        match root {
            Tree::Image(name, runs_on) => {
                self.trees.images.get(&(name.clone(), runs_on.clone())).map(|image| &image.config)
            }
            Tree::Output(id, _) => self.roots.get(id).and_then(|root| self.base_config(root)),
            _ => None,
        }
    }
}
