//! Who is answered, and what a browser may do with the answer.
//!
//! Any page that a person looks at can make their browser ask here, and one whose name is made to
//! mean this machine (DNS rebinding) could read the answers. So a request must name this machine,
//! must not come from another page, and one that does something must come from ours.

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// What the page may do: its own files, and frames of its own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' \
    data:; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Refuses, or answers with the headers that keep the answer in its place.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let asked = (request.method(), request.uri().path(), request.headers());
    let mut answer = match refusal(asked.0, asked.1, asked.2) {
        Some((status, why)) => (status, why).into_response(),
        None => next.run(request).await,
    };
    let headers = answer.headers_mut();
    // A mail has a policy of its own, which is narrower.
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(POLICY));
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (RESOURCE_POLICY, "same-origin"),
        (OPENER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

fn refusal(method: &Method, path: &str, headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
    let forbidden = |why| Some((StatusCode::FORBIDDEN, why));
    let text = |name: HeaderName| headers.get(name).and_then(|it| it.to_str().ok());
    let host = text(HOST).unwrap_or_default();
    if !is_this_machine(host) {
        return forbidden("this page is at 127.0.0.1 and has no other name");
    }
    let elsewhere = matches!(text(SITE), Some("cross-site" | "same-site"));
    if elsewhere && path != "/" {
        return forbidden("another page asked for this");
    }
    if *method == Method::GET || *method == Method::HEAD {
        return None;
    }
    if *method != Method::POST {
        return Some((StatusCode::METHOD_NOT_ALLOWED, "GET or POST"));
    }
    match text(ORIGIN) {
        Some(origin) if origin == format!("http://{host}") => None,
        _ => forbidden("only the page itself may ask for this"),
    }
}

/// Whether a Host header names this machine by its number, or by the one name that no DNS server
/// is asked for (RFC 6761, section 6.3). The port is another one behind a tunnel.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
        || name
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn a_host_is_this_machine_by_number_or_not_at_all() {
        for ours in [
            "127.0.0.1:7979",
            "localhost:80",
            "localhost",
            "[::1]:1",
            "127.0.0.2:1",
        ] {
            assert!(is_this_machine(ours), "{ours}");
        }
        for other in [
            "",
            "evil.example",
            "127.0.0.1.evil.example",
            "evil.example:7979",
            "localhost.evil:1",
            "10.0.0.1",
            "[::2]:80",
            "127.0.0.1:x",
            "localhost:80:80",
        ] {
            assert!(!is_this_machine(other), "{other}");
        }
    }
}
