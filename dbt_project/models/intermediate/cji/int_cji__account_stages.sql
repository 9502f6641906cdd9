-- One row per phase model of accounts x visit of an account x phase with an event.

with visits as (

    select distinct substr(touchpoint_id, 7) as session_id
    from {{ ref('int_journeys__account_steps') }}
    where touchpoint_type = 'visit'

),

stages as (

    {{ cji_visit_stages('account', 'session_id in (select session_id from visits)') }}

)

select * from stages
