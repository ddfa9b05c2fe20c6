//! From options to a [`Request`]: which parser reads which option, and which option wins over which.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostics;
use crate::path::ContextPath;

use super::read::Reader;
use super::value::{Invalid, name, optional_boolean, optional_name, optional_text};
use super::{
    Attestations, BuildContext, BuildFile, ContextSource, ExecSettings, FrontendIdentity, GitMtime, NamedContexts,
    ProxyEnv, Request, RequestEnvironment, ResolveMode, Resources, Sessions, TargetPlatforms,
};
use super::{attest, cache, context, exec, platforms, proxy, resources, source, table};

impl Request {
    /// Reads all options. An option that is not known is no mistake.
    ///
    /// # Errors
    /// One diagnostic for each option with a value that can't be taken; none has a label, since no file says it.
    pub fn parse(options: &BTreeMap<String, String>, environment: &RequestEnvironment) -> Result<Self, Diagnostics> {
        let mut reader = Reader::new(options)?;
        let reader = &mut reader;
        let (build_args, proxy) = build_args(reader);
        let source_date_epoch = reader.parse(&table::SOURCE_DATE_EPOCH, source::epoch);
        let (context, build_file) = sources(reader, environment, source_date_epoch.is_some());
        let request = Self {
            sessions: Sessions { id: environment.session.clone(), by_local: reader.map(&table::LOCAL_SESSION) },
            inputs: environment.inputs.clone(),
            build_file,
            context,
            named_contexts: NamedContexts::new(
                reader.each(&table::NAMED_CONTEXT),
                &reader.map(&table::SHARED_KEY),
                &reader.map(&table::INPUT_METADATA),
            ),
            target: reader.parse(&table::TARGET, |text| optional_name(text, 256)),
            platforms: target_platforms(reader, environment),
            labels: reader.map(&table::LABEL),
            build_args,
            no_cache: reader.parse(&table::NO_CACHE, cache::no_cache),
            resolve_mode: reader.parse(&table::IMAGE_RESOLVE_MODE, resolve_mode),
            cache_imports: cache::merge(
                reader.parse(&table::CACHE_IMPORTS, cache::imports),
                reader.parse(&table::CACHE_FROM, cache::legacy_imports),
            ),
            cache_namespace: reader.parse(&table::CACHE_NAMESPACE, cache::namespace),
            exec: exec_settings(reader, proxy),
            attestations: attestations(reader),
            source_date_epoch,
            vcs: source::vcs(reader.each(&table::VCS)),
            subrequest: reader.parse(&table::REQUEST_ID, source::subrequest),
            frontend: FrontendIdentity {
                source: reader.text(&table::SOURCE).and_then(optional_text),
                cmdline: reader.text(&table::CMDLINE).and_then(optional_text),
                required_caps: source::required_caps(reader.text(&table::FRONTEND_CAPS).unwrap_or_default()),
            },
        };
        reader.finish()?;
        Ok(request)
    }
}

/// Build args that nothing but the build file can give a meaning, and the proxies.
fn build_args(reader: &Reader<'_>) -> (BTreeMap<String, String>, ProxyEnv) {
    let mut args = reader.map(&table::BUILD_ARG);
    let proxy = proxy::take(&mut args);
    args.retain(|name, _| {
        let row = table::find(&format!("{}{name}", table::BUILD_ARG.key.text()));
        row.is_none_or(|row| row.key == table::BUILD_ARG.key)
    });
    (args, proxy)
}

fn sources(reader: &mut Reader<'_>, environment: &RequestEnvironment, has_epoch: bool) -> (BuildContext, BuildFile) {
    let key = reader.text(&table::CONTEXT_KEY).filter(|key| !key.is_empty()).unwrap_or(table::CONTEXT.key.text());
    let value = context::source(reader.named(key).unwrap_or_default(), &environment.inputs);
    let mut source = reader.checked(&table::CONTEXT, key, value).unwrap_or(ContextSource::Local);
    let keep_git_dir = reader.parse(&table::KEEP_GIT_DIR, optional_boolean);
    if let ContextSource::Git(git) = &mut source {
        if keep_git_dir == Some(true) {
            git.keep_git_dir = keep_git_dir;
        }
        // What has a fixed time gets it from git too, unless the address says otherwise.
        if has_epoch && git.mtime.is_none() {
            git.mtime = Some(GitMtime::Commit);
        }
    }
    let subdir = reader.parse(&table::CONTEXT_SUBDIR, context::path);
    let subdir = if source == ContextSource::Local { ContextPath::root() } else { subdir };
    let key = reader.text(&table::DOCKERFILE_KEY).map(|key| {
        let key = name(key, 256);
        reader.checked(&table::DOCKERFILE_KEY, table::DOCKERFILE_KEY.key.text(), key).unwrap_or_default()
    });
    let file = reader.parse(&table::FILENAME, context::file_name);
    let file = file.or_else(|| ContextPath::new("Dockerfile").ok()).unwrap_or_default();
    let file_source = context::build_file_source(key.as_deref(), &source, &environment.inputs);
    (BuildContext { source, subdir }, BuildFile { name: file, source: file_source })
}

fn target_platforms(reader: &mut Reader<'_>, environment: &RequestEnvironment) -> TargetPlatforms {
    let requested = reader.parse(&table::PLATFORM, platforms::platforms);
    let of_arg = reader.parse(&table::MULTI_PLATFORM_ARG, optional_boolean);
    let of_option = reader.parse(&table::MULTI_PLATFORM, optional_boolean);
    let row = if of_arg.is_some() { &table::MULTI_PLATFORM_ARG } else { &table::MULTI_PLATFORM };
    let form = platforms::form(requested.len(), of_arg.or(of_option));
    let form = reader.checked(row, row.key.text(), form).unwrap_or_default();
    TargetPlatforms { requested, default: environment.default_platform.clone(), form }
}

fn exec_settings(reader: &mut Reader<'_>, proxy: ProxyEnv) -> ExecSettings {
    let of_arg = reader.parse(&table::HOSTNAME_ARG, exec::hostname);
    let of_option = reader.parse(&table::HOSTNAME, exec::hostname);
    ExecSettings {
        network: reader.parse(&table::NETWORK, exec::network),
        extra_hosts: reader.parse(&table::ADD_HOSTS, exec::extra_hosts),
        shm_size: reader.parse(&table::SHM_SIZE, exec::shm_size),
        ulimits: reader.parse(&table::ULIMIT, exec::ulimits),
        cgroup_parent: reader.parse(&table::CGROUP_PARENT, exec::cgroup_parent),
        hostname: of_arg.or(of_option),
        resources: Resources {
            memory: reader.parse(&table::MEMORY, resources::positive),
            memory_swap: reader.parse(&table::MEMSWAP, resources::swap),
            cpu_shares: reader.parse(&table::CPU_SHARES, resources::positive_unsigned),
            cpu_period: reader.parse(&table::CPU_PERIOD, resources::positive_unsigned),
            cpu_quota: reader.parse(&table::CPU_QUOTA, resources::positive),
            cpuset_cpus: reader.parse(&table::CPUSET_CPUS, resources::cpuset),
            cpuset_mems: reader.parse(&table::CPUSET_MEMS, resources::cpuset),
        },
        proxy,
    }
}

/// Kinds that are not known are left alone: the daemon refuses what it does not know, and a newer one knows more.
fn attestations(reader: &mut Reader<'_>) -> Attestations {
    let mut given: BTreeMap<String, (String, &str)> = BTreeMap::new();
    for opt in [&table::ATTEST_ARG, &table::ATTEST] {
        for (kind, value) in reader.each(opt) {
            given.insert(kind.to_ascii_lowercase(), (format!("{}{kind}", opt.key.text()), value));
        }
    }
    Attestations {
        sbom: given.get("sbom").and_then(|(name, value)| reader.checked(&table::ATTEST, name, attest::sbom(value))),
        provenance: given
            .get("provenance")
            .and_then(|(name, value)| reader.checked(&table::ATTEST, name, attest::settings(value))),
    }
}

/// Option `image-resolve-mode`.
fn resolve_mode(text: &str) -> Result<ResolveMode, Invalid> {
    match text {
        "" | "default" => Ok(ResolveMode::Default),
        "pull" => Ok(ResolveMode::Pull),
        "local" => Ok(ResolveMode::Local),
        _ => Err(Invalid::Unknown(text.to_owned())),
    }
}
