-- One row per post and position: its words and emoji in lower case, `.` where a clause ends.

with posts as (

    select
        post_id,
        case when language is null or language = 'unknown' then 'unknown' else substr(language, 1, 2) end as language,
        -- Who writes everything in capitals stresses nothing.
        text <> upper(text) as has_small_letters,
        {{ words_of_post('text') }} as words
    from {{ ref('stg_social__posts') }}

),

tokens as (

    select
        post_id,
        language,
        has_small_letters,
        {{ numbered_words('words') }}
    from posts

)

select
    post_id,
    language,
    position,
    lower(token) as word,
    coalesce(has_small_letters and length(token) >= 4 and token = upper(token) and token <> lower(token), false)
        as is_shouted
from tokens
