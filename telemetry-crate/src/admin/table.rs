//! The table of all routes, and what a request for each of them needs.
//!
//! The answer to an unknown path is made from this table, and so is the answer to `GET /`. A test compares it with the table
//! of the book.

use http::Method;

/// What a client needs for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: metrics and states have no data of the service's users.
    Open,
    /// The permission to read traces, log lines and errors.
    ///
    /// They contain data of the service's users.
    UserData,
    /// The permission to change settings.
    Change,
}

/// What answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Metrics,
    Livez,
    Readyz,
    LogFilter,
    ChangeLogFilter,
    RevertLogFilter,
    Telemetry,
    Logs,
    Traces,
    Errors,
    Explain,
    #[cfg(feature = "console")]
    History,
    #[cfg(feature = "console")]
    Console,
    #[cfg(feature = "console")]
    ConsoleFile,
}

/// A method of a path.
#[derive(Debug)]
pub(super) struct Route {
    /// `GET` includes `HEAD`.
    pub(super) method: Method,
    /// A segment in braces, such as `{trace_id}`, stands for any text.
    pub(super) path: &'static str,
    pub(super) need: Need,
    pub(super) endpoint: Endpoint,
}

impl Route {
    const fn new(method: Method, path: &'static str, need: Need, endpoint: Endpoint) -> Self {
        Self {
            method,
            path,
            need,
            endpoint,
        }
    }

    fn accepts(&self, method: &Method) -> bool {
        self.method == *method || (self.method == Method::GET && *method == Method::HEAD)
    }
}

static ROUTES: &[Route] = &[
    Route::new(Method::GET, "/metrics", Need::Open, Endpoint::Metrics),
    Route::new(Method::GET, "/livez", Need::Open, Endpoint::Livez),
    Route::new(Method::GET, "/readyz", Need::Open, Endpoint::Readyz),
    Route::new(Method::GET, "/log-filter", Need::Open, Endpoint::LogFilter),
    Route::new(
        Method::PUT,
        "/log-filter",
        Need::Change,
        Endpoint::ChangeLogFilter,
    ),
    Route::new(
        Method::DELETE,
        "/log-filter",
        Need::Change,
        Endpoint::RevertLogFilter,
    ),
    Route::new(Method::GET, "/telemetry", Need::Open, Endpoint::Telemetry),
    Route::new(Method::GET, "/logs", Need::UserData, Endpoint::Logs),
    Route::new(Method::GET, "/traces", Need::UserData, Endpoint::Traces),
    Route::new(
        Method::GET,
        "/traces/{trace_id}",
        Need::UserData,
        Endpoint::Traces,
    ),
    Route::new(Method::GET, "/errors", Need::UserData, Endpoint::Errors),
    Route::new(Method::GET, "/explain", Need::UserData, Endpoint::Explain),
    #[cfg(feature = "console")]
    Route::new(Method::GET, "/history", Need::UserData, Endpoint::History),
    // The page and its files have no data. The page sends the token for the data that it reads.
    #[cfg(feature = "console")]
    Route::new(Method::GET, "/", Need::Open, Endpoint::Console),
    #[cfg(feature = "console")]
    Route::new(
        Method::GET,
        "/console/{file}",
        Need::Open,
        Endpoint::ConsoleFile,
    ),
];

/// Why there is no route for a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Path,
    /// The path has other methods, here as the value of `Allow`.
    Method(String),
}

/// Returns the route of a method and a path.
pub(super) fn find(method: &Method, path: &str) -> Result<&'static Route, Missing> {
    let routes = || ROUTES.iter().filter(|route| matches(route.path, path));
    if let Some(route) = routes().find(|route| route.accepts(method)) {
        return Ok(route);
    }
    let allowed: Vec<&str> = routes()
        .flat_map(|route| match route.method {
            Method::GET => vec!["GET", "HEAD"],
            ref method => vec![method.as_str()],
        })
        .collect();
    if allowed.is_empty() {
        Err(Missing::Path)
    } else {
        Err(Missing::Method(allowed.join(", ")))
    }
}

/// Whether a path has the form of a template, segment by segment.
fn matches(template: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let is_same = |expected: &str| {
        segments.next().is_some_and(|segment| {
            expected == segment || (expected.starts_with('{') && !segment.is_empty())
        })
    };
    template.split('/').all(is_same) && segments.next().is_none()
}

/// All paths, as an enumeration for a sentence.
pub(super) fn paths() -> String {
    let mut paths: Vec<&str> = ROUTES.iter().map(|route| route.path).collect();
    paths.dedup();
    enumeration(&paths)
}

/// The paths with user data, as an enumeration for a sentence.
///
/// A path stands for those below it.
pub(super) fn paths_with_user_data() -> String {
    let routes = ROUTES.iter().filter(|route| route.need == Need::UserData);
    let paths: Vec<&str> = routes
        .map(|route| route.path)
        .filter(|path| !path.contains('{'))
        .collect();
    enumeration(&paths)
}

fn enumeration(paths: &[&str]) -> String {
    match paths.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => paths.concat(),
    }
}

/// All routes, in the order of the table.
#[cfg(feature = "console")]
pub(super) fn routes() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_changes_are_distinguished() {
        let need = |method: Method, path| find(&method, path).map(|route| route.need);
        assert_eq!(need(Method::GET, "/log-filter"), Ok(Need::Open));
        assert_eq!(need(Method::HEAD, "/log-filter"), Ok(Need::Open));
        assert_eq!(need(Method::PUT, "/log-filter"), Ok(Need::Change));
        assert_eq!(need(Method::DELETE, "/log-filter"), Ok(Need::Change));
        assert!(
            ROUTES
                .iter()
                .all(|route| (route.need == Need::Change) != (route.method == Method::GET)),
            "a change is never requested by a method that a link or an image uses"
        );
    }

    #[test]
    fn unknown_requests_are_explained() {
        for path in ["//", "/metric", "/metrics/", "/metrics/x", "//metrics", ""] {
            assert_eq!(
                find(&Method::GET, path).err(),
                Some(Missing::Path),
                "{path}"
            );
        }
        for (method, path, allowed) in [
            (Method::POST, "/log-filter", "GET, HEAD, PUT, DELETE"),
            (Method::OPTIONS, "/log-filter", "GET, HEAD, PUT, DELETE"),
            (Method::PUT, "/metrics", "GET, HEAD"),
        ] {
            let expected = Some(Missing::Method(allowed.to_owned()));
            assert_eq!(find(&method, path).err(), expected, "{method} {path}");
        }
        let always = "/metrics, /livez, /readyz, /log-filter, /telemetry, /logs, /traces, /traces/{trace_id}, /errors";
        let (rest, user_data) = match cfg!(feature = "console") {
            true => (
                ", /explain, /history, / and /console/{file}",
                "/logs, /traces, /errors, /explain and /history",
            ),
            false => (" and /explain", "/logs, /traces, /errors and /explain"),
        };
        assert_eq!(paths(), format!("{always}{rest}"));
        assert_eq!(paths_with_user_data(), user_data);
    }

    #[test]
    fn braces_stand_for_one_segment() {
        for (template, path, expected) in [
            ("/traces/{trace_id}", "/traces/0af7", true),
            ("/traces/{trace_id}", "/traces/", false),
            ("/traces/{trace_id}", "/traces", false),
            ("/traces/{trace_id}", "/traces/0af7/x", false),
            ("/traces", "/traces", true),
            ("/traces", "/traces/", false),
        ] {
            assert_eq!(matches(template, path), expected, "{template} {path}");
        }
    }

    /// The book has a row for each route, and lists it under the access that it needs.
    #[cfg(feature = "console")]
    #[test]
    fn book_lists_all_routes() {
        const BOOK: &str = include_str!("../../../docs/book/src/admin.md");
        let rows = |heading: &'static str| {
            BOOK.lines()
                .skip_while(move |line| !line.starts_with(heading))
                .skip(2)
                .take_while(|line| line.starts_with('|'))
                .map(|row| row.split('|').map(str::trim).collect::<Vec<&str>>())
        };
        let need = |route: &Route| match route.need {
            Need::Open => "open",
            Need::UserData => "user data",
            Need::Change => "change",
        };
        let listed: Vec<String> = rows("| route |")
            .map(|cells| {
                let route = cells[1].trim_matches('`');
                let route = route.split('?').next().unwrap_or_default();
                format!("{route}: {}", cells[2])
            })
            .collect();
        let expected: Vec<String> = ROUTES
            .iter()
            .map(|route| format!("{} {}: {}", route.method, route.path, need(route)))
            .collect();
        assert_eq!(listed, expected);
        for route in ROUTES {
            let path = route.path.split("/{").next().unwrap_or_default();
            assert!(
                rows("| access |").any(|cells| cells[1] == need(route) && cells[2].contains(path)),
                "{path} is not listed as {}",
                need(route)
            );
        }
    }
}
