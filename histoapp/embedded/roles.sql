-- The two roles of histoapp, and what the application's may do.
--
-- Run it in the application's database, as a superuser, as often as you like:
--     createdb histoapp && psql -d histoapp -f histoapp/embedded/roles.sql
-- then give both roles a password. histoapp_owner owns the database and migrates it
-- (DATABASE_OWNER_URL); the running application is histoapp_app (DATABASE_URL).
-- A migration takes UPDATE and DELETE on the audit table away from histoapp_app.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'histoapp_owner') THEN
        CREATE ROLE histoapp_owner LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'histoapp_app') THEN
        CREATE ROLE histoapp_app LOGIN;
    END IF;
    EXECUTE format('ALTER DATABASE %I OWNER TO histoapp_owner', current_database());
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO histoapp_app', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO histoapp_app;
ALTER DEFAULT PRIVILEGES FOR ROLE histoapp_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO histoapp_app;
ALTER DEFAULT PRIVILEGES FOR ROLE histoapp_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO histoapp_app;
