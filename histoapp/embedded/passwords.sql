-- Gives the two roles of roles.sql their passwords, for psql 15 or newer: from the
-- environment, so that they stand in no file and on no command line.

\getenv owner POSTGRES_OWNER_PASSWORD
\getenv app POSTGRES_APP_PASSWORD
ALTER ROLE histoapp_owner PASSWORD :'owner';
ALTER ROLE histoapp_app PASSWORD :'app';
