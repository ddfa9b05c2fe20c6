//! Questions that a client asks in the place of a build (`--call`).

use serde_json::json;

use crate::gateway::ResultBuilder;

/// One question that is answered.
struct Answered {
    id: &'static str,
    version: &'static str,
    description: &'static str,
}

const ANSWERED: [Answered; 1] = [Answered {
    id: "frontend.subrequests.describe",
    version: "1.0.0",
    description: "List the requests that this frontend answers",
}];

/// Which questions are answered: `frontend.subrequests.describe`, in the shape of BuildKit's own frontends.
pub fn describe() -> ResultBuilder {
    let requests = ANSWERED.map(|request| {
        json!({
            "name": request.id,
            "version": request.version,
            "type": "rpc",
            "description": request.description,
            "opts": null,
            "inputs": null,
            "metadata": [{ "name": "result.json" }, { "name": "result.txt" }],
            "refs": null,
        })
    });
    let text: String = ANSWERED
        .iter()
        .map(|request| format!("{} {}  {}\n", request.id, request.version, request.description))
        .collect();
    ResultBuilder::empty()
        .metadata("result.json", serde_json::Value::from(requests.to_vec()).to_string())
        .metadata("result.txt", text)
        .metadata("version", "1.0.0")
}
