// Shows: a file beside the page. 2026-11-21, written before the translator was read.
fetch("/greet", { method: "POST", body: JSON.stringify({ name: "you" }) });
