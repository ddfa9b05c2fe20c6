//! How the image runs: its configuration.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::repo::config::{self, Listen};
use crate::spec::model::ConfigFile;

use super::runtime::APP;
use super::{HealthPlan, ImagePlan, Planner, env};

/// The port of an image of which nothing says where it listens.
const DEFAULT_PORT: u16 = 7007;

impl Planner<'_> {
    /// The image's configuration.
    pub(super) fn image_config(&mut self) -> ImagePlan {
        let runtime = &self.spec().runtime;
        let configs = self.runtime_configs();
        let variables = runtime.env.iter().map(|(name, value)| (name.as_str(), value.value.as_str())).collect();
        let mut merged = self.runtime_config().clone();
        config::over_by_environment(&mut merged, &variables);
        let listen = config::listen(&merged, &variables);
        let port = runtime.port.as_ref().map(|port| port.value).or(listen.port).unwrap_or(DEFAULT_PORT);
        let https = config::at(&merged, &["backend", "https"]).is_some_and(|https| *https != false);
        let doubts = [self.other_port(&listen), self.unknown_port(&listen), loopback(&listen), self.root()];
        self.warnings.extend(doubts.into_iter().flatten());
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
            fallback_user: self.fallback_user().to_owned(),
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
    fn other_port(&self, listen: &Listen) -> Option<Diagnostic> {
        let (written, listens) = (self.spec().runtime.port.as_ref()?, listen.port?);
        let message =
            format!("`runtime.port` is {}, and by its config the backend listens on {listens}", written.value);
        (written.value != listens).then(|| {
            Diagnostic::warning("plan/port", message)
                .help(format!(
                    "change `backend.listen` in the config, or say `runtime: {{env: {{APP_CONFIG_backend_listen: ':{}'}}}}`",
                    written.value
                ))
                .at(written.span.clone())
        })
    }

    /// A health check that asks a port which only the container's environment will tell.
    fn unknown_port(&self, listen: &Listen) -> Option<Diagnostic> {
        let runtime = &self.spec().runtime;
        let written = runtime.healthcheck.as_ref().filter(|written| written.enabled)?;
        (listen.port.is_none() && runtime.port.is_none()).then(|| {
            let message =
                format!("the health check asks port {DEFAULT_PORT}, for `backend.listen` does not tell the port");
            Diagnostic::warning("plan/port", message)
                .help("say it in `runtime.port`, or give the variable that `backend.listen` names in `runtime.env`")
                .at(written.span.clone())
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

/// A backend that listens to itself.
fn loopback(listen: &Listen) -> Option<Diagnostic> {
    let host = listen.host.as_deref().filter(|_| listen.is_loopback())?;
    let message =
        format!("by its config the backend listens on `{host}`, which nothing outside of the container reaches");
    let help = "leave the host out of `backend.listen` in the config that the image has";
    Some(Diagnostic::warning("plan/listen", message).help(help))
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
