//! Tasks that block the page for more than 50 ms.

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

    /// The durations of long tasks in milliseconds.
    ///
    /// Those since the page was loaded, or since the last call.
    pub(super) fn take_long_tasks(&self) -> anyhow::Result<Vec<u64>> {
        let tasks = self.evaluate("window.longTasks.splice(0)")?;
        Ok(serde_json::from_value(tasks)?)
    }
}
