//! Tests of the query of `/traces`.

use super::{Query, Section};

#[test]
fn queries_choose_sections_and_routes() {
    let parse = |query| Query::parse(query).unwrap_or_default();
    assert_eq!(parse("").sections, []);
    assert!(parse("").asks_for(Section::Recent));
    let both = parse("failed&open");
    assert_eq!(both.sections, [Section::Failed, Section::Open]);
    assert!(!both.asks_for(Section::Recent));
    let route = parse("slow&route=GET+/orders/%7Bid%7D");
    assert_eq!(route.route.as_deref(), Some("GET /orders/{id}"));
}

#[test]
fn unknown_queries_name_the_known_ones() {
    let error = Query::parse("faild").err().unwrap_or_default();
    assert!(error.starts_with("unknown query \"faild\": expected ?open, ?failed"));
    assert!(error.contains("?route="), "{error}");
    let error = Query::parse("limit=3").err().unwrap_or_default();
    assert!(error.starts_with("unknown query \"limit\": expected ?open"));
    let error = Query::parse("failed=false").err().unwrap_or_default();
    assert!(error.starts_with("query \"failed\": found \"false\", expected no value or `true`"));
}
