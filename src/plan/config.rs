//! How the image runs: its configuration.

use std::collections::BTreeMap;

use crate::repo::config;
use crate::spec::model::ConfigFile;

use super::runtime::{APP, NONROOT};
use super::{HealthPlan, ImagePlan, Planner, env};

impl Planner<'_> {
    /// The image's configuration.
    pub(super) fn image_config(&mut self) -> ImagePlan {
        let runtime = &self.spec().runtime;
        let configs = self.runtime_configs();
        let port = runtime
            .port
            .as_ref()
            .map(|port| port.value)
            .or_else(|| config::listen_port(&self.merged()))
            .unwrap_or(7007);
        let mut vars: BTreeMap<String, String> = env([("HOME", "/tmp"), ("NODE_ENV", "production")]);
        if let Some(name) = environment_name(&configs) {
            vars.insert("BACKSTAGE_ENV".to_owned(), name.to_owned());
        }
        let options = self.node_options();
        if !options.is_empty() {
            vars.insert("NODE_OPTIONS".to_owned(), options.join(" "));
        }
        vars.extend(runtime.env.iter().map(|(name, value)| (name.clone(), value.value.clone())));
        let mut cmd: Vec<String> = vec!["node".to_owned()];
        cmd.extend(runtime.preload.iter().flat_map(|module| ["--require".to_owned(), format!("./{}", module.value)]));
        cmd.push(self.backend.value.dir.to_string());
        cmd.extend(configs.iter().flat_map(|config| ["--config".to_owned(), config.to.to_string()]));
        cmd.extend(runtime.args.iter().map(|arg| arg.value.clone()));
        ImagePlan {
            workdir: APP.to_owned(),
            path: self.is_distroless().then(|| "/nodejs/bin".to_owned()),
            env: vars,
            entrypoint: runtime.entrypoint.as_ref().map(|entrypoint| entrypoint.value.clone()).unwrap_or_default(),
            cmd,
            user: runtime.user.as_ref().map(|user| user.value.clone()),
            fallback_user: if runtime.base.as_ref().is_some_and(|base| base.value == "slim") {
                "1000:1000".to_owned()
            } else {
                NONROOT.to_owned()
            },
            port,
            labels: runtime.labels.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect(),
            annotations: runtime.annotations.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect(),
            stop_signal: runtime.stop_signal.as_ref().map(|signal| signal.value.clone()),
            healthcheck: self.healthcheck(port),
            volumes: runtime.writable.iter().map(|dir| dir.value.to_string()).collect(),
            history: std::mem::take(&mut self.history),
        }
    }

    fn node_options(&self) -> Vec<String> {
        let mut options: Vec<String> = Vec::new();
        // The scaffolder's sandbox of older releases: without it Node 20 and later refuse to start isolated-vm.
        if self.node.value.major >= 20 && self.repo().lock.named("isolated-vm").next().is_some() {
            options.push("--no-node-snapshot".to_owned());
        }
        options.extend(self.spec().runtime.node_options.iter().map(|option| option.value.clone()));
        options
    }

    fn healthcheck(&self, port: u16) -> Option<HealthPlan> {
        let written = self.spec().runtime.healthcheck.as_ref()?;
        let script = format!(
            "require('http').get('http://127.0.0.1:{port}/.backstage/health/v1/readiness',r=>process.exit(r.statusCode===200?0:1)).on('error',()=>process.exit(1))"
        );
        let test = if written.enabled {
            vec!["CMD".to_owned(), "node".to_owned(), "-e".to_owned(), script]
        } else {
            vec!["NONE".to_owned()]
        };
        Some(HealthPlan {
            test,
            interval: written.interval,
            timeout: written.timeout,
            start: written.start,
            retries: written.retries,
        })
    }
}

/// `production` for `app-config.production.yaml`: lets a chart's bare `node packages/backend` load the same files.
fn environment_name(configs: &[ConfigFile]) -> Option<&str> {
    match configs {
        [base, other] if base.to.as_str() == "app-config.yaml" => {
            other.to.as_str().strip_prefix("app-config.")?.strip_suffix(".yaml").filter(|name| !name.contains('.'))
        }
        _ => None,
    }
}
