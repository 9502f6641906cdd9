-- Public posts with the score that the same backend has given the same text before, if it has.

with posts as (

    select
        post_id,
        text,
        language,
        md5(concat_ws('|', language, text)) as text_hash
    from raw.social_posts
    qualify
        row_number() over (partition by post_id order by _delivery_date desc, _source desc, _row_number desc) = 1

)

select
    posts.*,
    scored.sentiment
from posts
left join ml.post_sentiments as scored
    on posts.post_id = scored.post_id and posts.text_hash = scored.text_hash and scored.backend = $backend
order by posts.post_id
