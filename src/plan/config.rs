//! How the image runs: its configuration.

use std::collections::BTreeMap;
use std::net::IpAddr;

use buildkit_frontend::diagnostic::Diagnostic;
use buildkit_frontend::image::{Healthcheck, ImageSettings};

use crate::repo::config::{self, DEFAULT_PORT, Fault, Listen};
use crate::spec::model::ConfigFile;

use super::{APP, Planner, env};

impl Planner<'_> {
    /// The image's configuration, but for its history.
    pub(super) fn image_config(&mut self) -> ImageSettings {
        let runtime = &self.spec().runtime;
        let configs = self.runtime_configs();
        let variables = runtime.env.iter().map(|(name, value)| (name.as_str(), value.value.as_str())).collect();
        let listen = config::listen(self.merged_config(), &variables);
        let port = runtime.port.as_ref().map(|port| port.value).or(listen.port).unwrap_or(DEFAULT_PORT);
        let port_doubt =
            self.refused(&listen).or_else(|| self.other_port(&listen)).or_else(|| self.unknown_port(&listen));
        let doubts = [port_doubt, self.loopback(&listen), self.as_root()];
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
        ImageSettings {
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
            healthcheck: self.healthcheck(&listen, port),
            volumes: runtime.writable.iter().map(|dir| dir.value.to_string()).collect(),
            history: Vec::new(),
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

    /// An address with which the backend does not start.
    fn refused(&self, listen: &Listen) -> Option<Diagnostic> {
        let by = said_by(listen);
        let (message, help) = match listen.fault? {
            Fault::ConflictingShape => (
                format!(
                    "the backend will not start: {by} names a key of `backend.listen`, which is a text in its config files"
                ),
                "say all of it: `APP_CONFIG_backend_listen: 'host:port'`",
            ),
            Fault::NoAddress => (
                format!("the backend will not start: by {by} `backend.listen` is no address"),
                "write it as `':7007'`, in quotes and with the colon, or as a mapping of `host` and `port`",
            ),
        };
        Some(self.at_variable(Diagnostic::warning("plan/listen", message).help(help), listen))
    }

    /// A written port that is not the one on which the backend listens.
    fn other_port(&self, listen: &Listen) -> Option<Diagnostic> {
        let (written, listens) = (self.spec().runtime.port.as_ref()?, listen.port?);
        let message =
            format!("`runtime.port` is {}, and by {} the backend listens on {listens}", written.value, said_by(listen));
        let help = match listen.by {
            Some(_) => "change one of them".to_owned(),
            None => {
                let variable = format!("`runtime: {{env: {{APP_CONFIG_backend_listen: ':{}'}}}}`", written.value);
                format!("change `backend.listen` in the config, or say {variable}")
            }
        };
        (written.value != listens)
            .then(|| Diagnostic::warning("plan/port", message).help(help).at(written.span.clone()))
    }

    /// A health check that asks a port which only the container's environment will tell.
    fn unknown_port(&self, listen: &Listen) -> Option<Diagnostic> {
        let runtime = &self.spec().runtime;
        let written = runtime.healthcheck.as_ref().filter(|written| written.enabled)?;
        (listen.port.is_none() && runtime.port.is_none()).then(|| {
            let message =
                format!("the health check asks port {DEFAULT_PORT}, for `backend.listen` does not tell the port");
            Diagnostic::warning("plan/port", message).help("say it in `runtime.port`").at(written.span.clone())
        })
    }

    /// A backend that only what is beside it reaches.
    fn loopback(&self, listen: &Listen) -> Option<Diagnostic> {
        let host = listen.host.as_deref().filter(|_| listen.is_loopback())?;
        let by = said_by(listen);
        let message =
            format!("by {by} the backend listens on `{host}`, which nothing outside of its container or pod reaches");
        let help = "leave the host out of `backend.listen`";
        Some(self.at_variable(Diagnostic::warning("plan/listen", message).help(help), listen))
    }

    /// Points at the variable that says it, if one does.
    fn at_variable(&self, warning: Diagnostic, listen: &Listen) -> Diagnostic {
        match listen.by.and_then(|name| self.spec().runtime.env.get(name)) {
            Some(value) => warning.at(value.span.clone()),
            None => warning,
        }
    }

    fn healthcheck(&self, listen: &Listen, port: u16) -> Option<Healthcheck> {
        let written = self.spec().runtime.healthcheck.as_ref()?;
        // A certificate is for the name that users know, not for this address.
        let (module, options) = if listen.https { ("https", "{rejectUnauthorized:false},") } else { ("http", "") };
        let host = own_address(listen);
        let script = format!(
            "require('{module}').get('{module}://{host}:{port}/.backstage/health/v1/readiness',{options}r=>process.exit(r.statusCode===200?0:1)).on('error',()=>process.exit(1))"
        );
        let test = if written.enabled {
            vec!["CMD".to_owned(), "node".to_owned(), "-e".to_owned(), script]
        } else {
            vec!["NONE".to_owned()]
        };
        Some(Healthcheck {
            test,
            interval: written.interval,
            timeout: written.timeout,
            start: written.start,
            retries: written.retries,
        })
    }
}

/// What says where a backend listens.
fn said_by(listen: &Listen) -> String {
    listen.by.map_or_else(|| "its config".to_owned(), |name| format!("`{name}`"))
}

/// How a backend is reached from beside it, as a URL has it.
fn own_address(listen: &Listen) -> String {
    match listen.host.as_deref().unwrap_or_default().parse() {
        Ok(IpAddr::V4(address)) if !address.is_unspecified() => address.to_string(),
        Ok(IpAddr::V6(address)) if !address.is_unspecified() => format!("[{address}]"),
        _ => "127.0.0.1".to_owned(),
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
