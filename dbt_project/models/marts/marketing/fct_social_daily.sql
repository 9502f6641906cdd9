-- One row per local day x network x topic: public posts and how they were received; never about a single author.

with posts as (

    select
        posts.post_date,
        posts.network,
        coalesce(posts.topic, 'other') as topic,
        posts.author_hash,
        coalesce(posts.like_count, 0) as likes,
        coalesce(posts.repost_count, 0) as reposts,
        coalesce(posts.reply_count, 0) as replies,
        sentiments.sentiment
    from {{ ref('stg_social__posts') }} as posts
    inner join {{ ref('int_social__post_sentiments') }} as sentiments on posts.post_id = sentiments.post_id

),

totals as (

    select
        post_date,
        network,
        topic,
        count(*) as posts,
        sum(likes) as likes,
        sum(reposts) as reposts,
        sum(replies) as replies,
        count(distinct author_hash) as authors,
        avg(sentiment) as sentiment,
        1.96 * stddev_samp(sentiment) / sqrt(count(*)) as margin
    from posts
    group by post_date, network, topic

)

select
    post_date,
    network,
    topic,
    posts,
    cast(likes as bigint) as likes,
    cast(reposts as bigint) as reposts,
    cast(replies as bigint) as replies,
    authors,
    round(sentiment, 6) as sentiment,
    -- One post has a value but no spread: no interval.
    round({{ at_least('sentiment - margin', '-1.0') }}, 6) as sentiment_low,
    round({{ clipped('sentiment + margin', '-1.0', '1.0') }}, 6) as sentiment_high
from totals
