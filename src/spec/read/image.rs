//! Reads `runtime`.

use buildkit_frontend::diagnostic::Spanned;
use buildkit_frontend::path::ImagePath;

use crate::spec::language::{ValueError, duration};
use crate::spec::model::{Healthcheck, Runtime};
use crate::spec::tree::{Kind, Node};

use super::{fitting, path, set, set_list, set_map, text, texts};

pub(super) fn runtime(node: &Node, runtime: &mut Runtime) {
    set(&mut runtime.base, text(node.get("base")));
    set_list(&mut runtime.packages, node.get("packages"));
    set(&mut runtime.user, text(node.get("user")));
    set_map(&mut runtime.env, node.get("env"));
    set_list(&mut runtime.node_options, node.get("nodeOptions"));
    if let Some(list) = node.get("preload") {
        runtime.preload = list.items().iter().filter_map(|item| path(Some(item))).collect();
    }
    set_list(&mut runtime.args, node.get("args"));
    if let Some(list) = node.get("entrypoint") {
        let words = texts(list).into_iter().map(|word| word.value).collect();
        runtime.entrypoint = Some(Spanned::new(words, list.span.clone()));
    }
    set(&mut runtime.port, number(node.get("port")));
    if let Some(node) = node.get("healthcheck") {
        runtime.healthcheck = healthcheck(node, runtime.healthcheck.as_ref());
    }
    if let Some(list) = node.get("writable") {
        runtime.writable = list.items().iter().filter_map(directory).collect();
    }
    set_map(&mut runtime.labels, node.get("labels"));
    set_map(&mut runtime.annotations, node.get("annotations"));
    set(&mut runtime.stop_signal, text(node.get("stopSignal")));
}

fn healthcheck(node: &Node, before: Option<&Spanned<Healthcheck>>) -> Option<Spanned<Healthcheck>> {
    let off = Healthcheck { enabled: false, interval: None, timeout: None, start: None, retries: None };
    let mut check = before.map_or(off, |check| check.value.clone());
    match &node.kind {
        Kind::Scalar { .. } => check.enabled = node.boolean()?,
        Kind::Map(_) => {
            check.enabled = true;
            let time = |key: &str| fitting(node.get(key), duration).map(|time| time.value);
            set(&mut check.interval, time("interval"));
            set(&mut check.timeout, time("timeout"));
            set(&mut check.start, time("start"));
            set(&mut check.retries, number(node.get("retries")).map(|number| number.value));
        }
        Kind::Null | Kind::List(_) | Kind::Broken => return None,
    }
    Some(Spanned::new(check, node.span.clone()))
}

fn directory(node: &Node) -> Option<Spanned<ImagePath>> {
    let path = ImagePath::new(node.text()?).ok()?;
    Some(Spanned::new(path, node.span.clone()))
}

fn number<T: std::str::FromStr>(node: Option<&Node>) -> Option<Spanned<T>> {
    fitting(node, |text| text.parse().map_err(|_| ValueError { what: String::new(), help: String::new() }))
}
