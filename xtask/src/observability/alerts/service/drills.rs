//! Services that go down, restart, and vanish.

use crate::observability::alerts::drill::Drill;

const A: &str = r#"up{job="orders",instance="a"}"#;
const B: &str = r#"up{job="orders",instance="b"}"#;
const BUILD: &str = r#"build_info{job="orders",instance="a",version="1.0.0"}"#;
const ORDERS: [(&str, &str); 1] = [("job", "orders")];

pub(in super::super) fn drills() -> Vec<Drill> {
    vec![
        Drill::of(
            "ServiceDown",
            "both instances, after a restart and the loss of one",
        )
        .series(A, "1x10 0 1x19 0x29 1x20")
        .series(B, "1x10 0x49 1x20")
        .series(BUILD, "1x30 _x30 1x20")
        .blip(12)
        .blip(25)
        .fires(45, &ORDERS, "Prometheus reaches no instance of orders.")
        .resolved(62),
        Drill::of("ServiceDown", "somebody else's target is none of ours")
            .series(r#"up{job="node",instance="a"}"#, "0x60")
            .blip(60),
        Drill::of("ServiceAbsent", "its targets are gone, and come back")
            .series(A, "1x10 _x2 1x17 _x40 1x20")
            .series(BUILD, "1x10 _x2 1x17 _x40 1x20")
            .blip(12)
            .fires(
                60,
                &ORDERS,
                "There is no target of the job orders, which is expected to be there.",
            )
            .resolved(75),
        Drill::of("ServiceAbsent", "declared, and never seen")
            .series(
                r#"slo:availability:declared_objective_ratio{job="billing"}"#,
                "_x10 0.9995x40 _x20",
            )
            .blip(12)
            .fires(
                45,
                &[("job", "billing")],
                "There is no target of the job billing, which is expected to be there.",
            )
            .resolved(70),
    ]
}
