-- Tables that the suite `store` adds: rows for conflicts, and records of charges, payments and runs.
CREATE TABLE accounts (
    id      BIGINT PRIMARY KEY,
    balance BIGINT NOT NULL
);
INSERT INTO accounts (id, balance) VALUES (1, 100), (2, 100), (3, 100);

-- One row for each start of a charge.
CREATE TABLE attempts (order_id BIGINT NOT NULL);

-- One row for each call to the bank: its key, and whether the order was already marked as charged.
CREATE TABLE bank_calls (
    key           BIGINT NOT NULL,
    order_is_done BOOLEAN NOT NULL
);

-- The keys that the bank has seen. The key is the order's id.
CREATE TABLE bank_keys (key BIGINT PRIMARY KEY);

-- The payments that the bank has taken. There is no constraint, so that a second payment is visible.
CREATE TABLE payments (order_id BIGINT NOT NULL);

-- One row for each scheduled run. There is no constraint, so that a tick that ran twice is visible.
CREATE TABLE ticks (
    scheduled_for BIGINT NOT NULL,
    process       BIGINT NOT NULL
);
