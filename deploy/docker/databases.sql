-- Run once, by the empty server. What only reads, such as the service and people, has a role that
-- can do nothing else. Whoever uses it gives it a password: ALTER ROLE funding_reader PASSWORD '…'.
CREATE DATABASE lake;
CREATE DATABASE dagster;
CREATE DATABASE state;
CREATE DATABASE execution;
CREATE ROLE funding_reader LOGIN;
GRANT CONNECT ON DATABASE lake TO funding_reader;
\connect lake
ALTER DEFAULT PRIVILEGES FOR ROLE funding IN SCHEMA public GRANT SELECT ON TABLES TO funding_reader;
GRANT USAGE ON SCHEMA public TO funding_reader;
