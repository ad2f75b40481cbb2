-- What the proof of the store adds: rows to fight over, and an account of what was done, to be counted afterwards.
CREATE TABLE accounts (
    id      BIGINT PRIMARY KEY,
    balance BIGINT NOT NULL
);
INSERT INTO accounts (id, balance) VALUES (1, 100), (2, 100), (3, 100);

-- A row each time that a charge begins.
CREATE TABLE attempts (order_id BIGINT NOT NULL);

-- What the bank has taken; the order's id is its idempotency key.
CREATE TABLE payments (order_id BIGINT PRIMARY KEY);

-- A row for each scheduled run. No constraint: a tick that ran twice must show.
CREATE TABLE ticks (
    scheduled_for BIGINT NOT NULL,
    process       BIGINT NOT NULL
);
