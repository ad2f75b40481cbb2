//! Tasks that block the page for more than 50 ms.

use anyhow::Context as _;
use serde_json::json;

use super::browser::Browser;

impl Browser {
    /// Counts long tasks from the next page on.
    pub(super) fn count_long_tasks(&self) -> anyhow::Result<()> {
        let script = json!({"source": "
            window.longTasks = [];
            new PerformanceObserver((list) => {
                for (const task of list.getEntries()) window.longTasks.push(Math.round(task.duration));
            }).observe({ type: 'longtask', buffered: true });
        "});
        self.devtools("Page.addScriptToEvaluateOnNewDocument", script)?;
        Ok(())
    }

    /// The processor time of the page's main thread so far, in seconds.
    pub(super) fn processor_time(&self) -> anyhow::Result<f64> {
        self.devtools("Performance.enable", json!({"timeDomain": "threadTicks"}))?;
        let answer = self.devtools("Performance.getMetrics", json!({}))?;
        let metrics = answer["metrics"].as_array().into_iter().flatten();
        let mut named = metrics.filter(|metric| metric["name"] == "TaskDuration");
        let value = named.next().and_then(|metric| metric["value"].as_f64());
        value.with_context(|| format!("no TaskDuration in {answer}"))
    }

    /// The durations in milliseconds of the long tasks since the page was loaded or since the last call.
    pub(super) fn take_long_tasks(&self) -> anyhow::Result<Vec<u64>> {
        let tasks = self.evaluate("window.longTasks.splice(0)")?;
        Ok(serde_json::from_value(tasks)?)
    }
}
