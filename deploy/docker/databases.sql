-- Run once, by the empty server, as its keeper; the first role is `funding`. Errors are told apart by
-- their words, hence lc_messages. What only reads, such as the service and people, has a role that can
-- do nothing else; whoever uses it gives it a password: ALTER ROLE funding_reader PASSWORD '…'.
CREATE DATABASE lake OWNER funding;
CREATE DATABASE state OWNER funding;
CREATE DATABASE dagster OWNER funding;
CREATE DATABASE execution OWNER funding;
CREATE ROLE funding_reader LOGIN;
ALTER ROLE funding SET lc_messages = 'C';
ALTER ROLE funding_reader SET lc_messages = 'C';
REVOKE CONNECT ON DATABASE lake, state, dagster, execution FROM PUBLIC;
GRANT CONNECT ON DATABASE lake TO funding_reader;
\connect lake
-- Whatever the first makes from now on, the second may read: a catalog that was rebuilt, too.
ALTER DEFAULT PRIVILEGES FOR ROLE funding GRANT USAGE ON SCHEMAS TO funding_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE funding GRANT SELECT ON TABLES TO funding_reader;
