-- One row per public post, latest delivery.

select
    post_id,
    lower(network) as network,
    posted_at,
    {{ local_date('posted_at') }} as post_date,
    author_hash,
    lower(language) as language,
    text,
    like_count,
    repost_count,
    reply_count,
    url,
    topic,
    _source as feed,
    _delivery_date as delivery_date,
    _loaded_at as loaded_at
from {{ source('raw', 'social_posts') }}
qualify {{ latest_delivery(['post_id']) }}
