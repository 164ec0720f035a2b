/** What a key means that is not written, in the form users write it. The reference page shows these too. */
export const defaults = {
  instances: 1,
  readyTimeout: "30s",
  health: { initial_delay: "0s", interval: "5s", timeout: "2s", failures: 3, successes: 1, then: "restart" },
  restart: {
    delay: "100ms",
    delay_max: "30s",
    factor: 1.5,
    jitter: 0.1,
    stable_after: "10s",
    intensity: 10,
    period: "60s",
    then: "fail",
  },
  stop: { signal: "SIGTERM", grace: "10s" },
  reload: { style: "rolling", settle: "1s", parallel: 1, timeout: "5m", on_failure: "revert", signal: "SIGHUP" },
  log: { max_size: "50M", max_age: "7d", keep: 20, total: "2G", compress: "zstd", when_full: "drop" },
  sink: { from: "oldest", delay: "1s", timeout: "10s", facility: "daemon", journald: "/run/systemd/journal/socket" },
  /** Linux's own limit (`net.core.somaxconn`) caps it. */
  backlog: 511,
} as const;
