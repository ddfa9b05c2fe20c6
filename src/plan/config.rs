//! How the image runs: its configuration.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::repo::config;
use crate::spec::model::ConfigFile;

use super::runtime::{APP, NONROOT};
use super::{HealthPlan, ImagePlan, Planner, env};

/// Where a backend listens whose config does not say.
const DEFAULT_PORT: u16 = 7007;

impl Planner<'_> {
    /// The image's configuration.
    pub(super) fn image_config(&mut self) -> ImagePlan {
        let runtime = &self.spec().runtime;
        let configs = self.runtime_configs();
        let merged = self.merged();
        let listens = config::listen_port(&merged)
            .or_else(|| config::at(&merged, &["backend", "listen"]).is_none().then_some(DEFAULT_PORT));
        let port = runtime.port.as_ref().map(|port| port.value).or(listens).unwrap_or(DEFAULT_PORT);
        let https = config::at(&merged, &["backend", "https"]).is_some_and(|https| *https != false);
        self.warnings.extend(self.other_port(listens).into_iter().chain(self.root()));
        let mut vars: BTreeMap<String, String> = env(&[("HOME", "/tmp"), ("NODE_ENV", "production")]);
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
            healthcheck: self.healthcheck(port, https),
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

    /// A written port that is not the one on which the backend listens.
    fn other_port(&self, listens: Option<u16>) -> Option<Diagnostic> {
        let runtime = &self.spec().runtime;
        let (written, listens) = (runtime.port.as_ref()?, listens?);
        let by_variable = runtime.env.keys().any(|name| name.starts_with("APP_CONFIG_backend_listen"));
        let message =
            format!("`runtime.port` is {}, and by its config the backend listens on {listens}", written.value);
        (written.value != listens && !by_variable).then(|| {
            Diagnostic::warning("plan/port", message)
                .help(format!(
                    "change `backend.listen` in the config, or say `runtime: {{env: {{APP_CONFIG_backend_listen: ':{}'}}}}`",
                    written.value
                ))
                .at(written.span.clone())
        })
    }

    /// A user that is root.
    fn root(&self) -> Option<Diagnostic> {
        let user = self.spec().runtime.user.as_ref()?;
        let root = ["0", "root"].contains(&user.value.split(':').next().unwrap_or_default());
        root.then(|| {
            Diagnostic::warning("plan/root", "the image runs as root")
                .help("leave `runtime.user` out, or write a number such as `65532`")
                .at(user.span.clone())
        })
    }

    fn healthcheck(&self, port: u16, https: bool) -> Option<HealthPlan> {
        let written = self.spec().runtime.healthcheck.as_ref()?;
        // A certificate is for the name that users know, not for this address.
        let (module, options) = if https { ("https", "{rejectUnauthorized:false},") } else { ("http", "") };
        let script = format!(
            "require('{module}').get('{module}://127.0.0.1:{port}/.backstage/health/v1/readiness',{options}r=>process.exit(r.statusCode===200?0:1)).on('error',()=>process.exit(1))"
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
